//! Names of custom attributes: which ones Braze keeps for itself, strips or does not take.

use super::error;
use crate::{config::Resource, model::Diagnostic};

/// Profile fields and control keys of `/users/track`; any other name is a custom attribute. braze.md 7.2
const RESERVED: [&str; 35] = [
    "_merge_objects",
    "_update_existing_only",
    "alias_label",
    "alias_name",
    "bio",
    "braze_id",
    "country",
    "current_location",
    "date_of_first_session",
    "date_of_last_session",
    "dob",
    "email",
    "email_click_tracking_disabled",
    "email_open_tracking_disabled",
    "email_subscribe",
    "external_id",
    "facebook",
    "first_name",
    "gender",
    "home_city",
    "image_url",
    "language",
    "last_name",
    "marked_email_as_spam_at",
    "phone",
    "push_subscribe",
    "push_token_import",
    "push_tokens",
    "subscription_groups",
    "time_zone",
    "twitter",
    "user_alias",
    "user_aliases",
    "email_disabled",
    "push_disabled",
];

/// Letters of a name or a text that Braze keeps.
pub(super) const LONGEST: usize = 255;

/// Adds what is wrong with the name of an attribute that stands at a pointer.
pub(super) fn check(
    resource: &Resource,
    pointer: &str,
    attribute: &str,
    found: &mut Vec<Diagnostic>,
) {
    if let Some((message, hint)) = wrong(attribute) {
        let hint = Some(hint.to_owned());
        let code = "wrong-attribute";
        found.push(error(&resource.origin, pointer, code, message, hint));
    }
}

/// Returns what is wrong with a name, and what to do.
pub(super) fn wrong(attribute: &str) -> Option<(String, &'static str)> {
    if RESERVED.contains(&attribute) {
        let message =
            format!("`{attribute}` is a profile field of Braze's own, not a custom attribute");
        Some((message, "name a custom attribute"))
    } else if attribute.trim().is_empty() {
        Some(("an attribute has a name".into(), "name a custom attribute"))
    } else if attribute.trim() != attribute {
        let message = "Braze strips the spaces around this name";
        Some((message.into(), "take the spaces out"))
    } else if attribute.starts_with('$') || attribute.contains(char::is_control) {
        let hint = "begin with a letter, and leave `$` and control letters out";
        Some(("Braze takes no such name".into(), hint))
    } else if attribute.chars().count() > LONGEST {
        let message = format!("Braze keeps {LONGEST} letters of a name");
        Some((message, "shorten it"))
    } else {
        None
    }
}
