//! Event types of Currents: which ones are known, what Braze's own export to Amplitude calls them, and which
//! properties tell a person's addresses (braze.md 18 and Appendix A). It reads no event.

/// A custom event; its name is in the event.
pub(in crate::kinds) const CUSTOM_EVENT: &str = "users.behaviors.CustomEvent";
/// A purchase.
pub(super) const PURCHASE: &str = "users.behaviors.Purchase";

/// Properties that reach or place a person (addresses, tokens, where somebody is), and texts that quote such or hold what
/// somebody wrote or was written (braze.md, Appendix A). They are meant at every depth.
pub(super) const PRIVATE: [&str; 33] = [
    "abort_log",
    "altitude",
    "bounce_reason",
    "bsuid",
    "channel_identifier",
    "deferral_reason",
    "email_address",
    "endpoint_url",
    "flow_response_json",
    "from_phone_number",
    "inbound_phone_number",
    "latitude",
    "longitude",
    "media_urls",
    "message_body",
    "message_extras",
    "native_line_id",
    "phone_number",
    "push_to_start_token",
    "push_token",
    "push_token_device_id",
    "quick_reply_text",
    "raw_response",
    "retry_log",
    "sending_ip",
    "to_phone_number",
    "tool_arguments",
    "update_token",
    "url_path",
    "user_phone_number",
    "web_push_token_public_key",
    "web_push_token_user_auth",
    "web_push_token_vapid_public_key",
];

/// Texts of the same kind, whose names are so common that somebody's own properties may have them.
pub(super) const TEXTS: [&str; 3] = ["error", "input", "output"];

/// What comes before every name (braze.md 18): Braze was Appboy.
const PREFIX: &str = "[Appboy] ";

/// Documented names, without the prefix (braze.md 18).
const NAMES: [(&str, &str); 39] = [
    ("users.behaviors.InstallAttribution", "Install Attribution"),
    ("users.behaviors.Location", "Location"),
    (PURCHASE, "Purchase"),
    ("users.behaviors.Uninstall", "Uninstall"),
    ("users.behaviors.app.FirstSession", "First Session"),
    ("users.behaviors.app.SessionEnd", "Session End"),
    ("users.behaviors.app.SessionStart", "Session Start"),
    (
        "users.behaviors.subscription.GlobalStateChange",
        "Global Subscription State Change",
    ),
    (
        "users.behaviors.subscriptiongroup.StateChange",
        "Subscription Group State Change",
    ),
    ("users.campaigns.Conversion", "Campaign Conversion"),
    (
        "users.campaigns.EnrollInControl",
        "Campaign Control Group Enrollment",
    ),
    ("users.canvas.Conversion", "Canvas Conversion"),
    ("users.canvas.Entry", "Canvas Entry"),
    ("users.messages.contentcard.Click", "Content Card Click"),
    ("users.messages.contentcard.Dismiss", "Content Card Dismiss"),
    (
        "users.messages.contentcard.Impression",
        "Content Card Impression",
    ),
    ("users.messages.contentcard.Send", "Content Card Send"),
    ("users.messages.email.Bounce", "Email Bounce"),
    ("users.messages.email.Click", "Email Click"),
    ("users.messages.email.Delivery", "Email Delivery"),
    ("users.messages.email.MarkAsSpam", "Email Mark As Spam"),
    ("users.messages.email.Open", "Email Open"),
    ("users.messages.email.Send", "Email Send"),
    ("users.messages.email.SoftBounce", "Email Soft Bounce"),
    ("users.messages.email.Unsubscribe", "Email Unsubscribe"),
    ("users.messages.inappmessage.Click", "In-App Message Click"),
    (
        "users.messages.inappmessage.Impression",
        "In-App Message Impression",
    ),
    (
        "users.messages.pushnotification.Bounce",
        "Push Notification Bounce",
    ),
    (
        "users.messages.pushnotification.IosForeground",
        "Push Notification iOS Foreground Open",
    ),
    (
        "users.messages.pushnotification.Open",
        "Push Notification Open",
    ),
    (
        "users.messages.pushnotification.Send",
        "Push Notification Send",
    ),
    ("users.messages.rcs.Click", "Click"),
    ("users.messages.rcs.Delivery", "Delivery"),
    ("users.messages.sms.CarrierSend", "SMS Send To Carrier"),
    ("users.messages.sms.Delivery", "SMS Delivery"),
    ("users.messages.sms.DeliveryFailure", "SMS Delivery Failure"),
    ("users.messages.sms.Rejection", "SMS Rejection"),
    ("users.messages.sms.Send", "SMS Send"),
    ("users.messages.webhook.Send", "Webhook Send"),
];

/// Event types of the catalogue (braze.md, Appendix A), in the order of their letters.
pub(in crate::kinds) const TYPES: [&str; 93] = [
    "agentconsole.AgentExecuted",
    "agentconsole.ToolInvocation",
    "users.behaviors.CustomEvent",
    "users.behaviors.InstallAttribution",
    "users.behaviors.Location",
    "users.behaviors.Purchase",
    "users.behaviors.Uninstall",
    "users.behaviors.app.FirstSession",
    "users.behaviors.app.SessionEnd",
    "users.behaviors.app.SessionStart",
    "users.behaviors.liveactivity.PushToStartTokenChange",
    "users.behaviors.liveactivity.UpdateTokenChange",
    "users.behaviors.pushnotification.TokenStateChange",
    "users.behaviors.subscription.GlobalStateChange",
    "users.behaviors.subscriptiongroup.StateChange",
    "users.campaigns.Conversion",
    "users.campaigns.EnrollInControl",
    "users.canvas.Conversion",
    "users.canvas.Entry",
    "users.canvas.costep.Send",
    "users.canvas.exit.MatchedAudience",
    "users.canvas.exit.PerformedEvent",
    "users.canvas.experimentstep.Conversion",
    "users.canvas.experimentstep.SplitEntry",
    "users.canvasstep.Progression",
    "users.messages.banner.Abort",
    "users.messages.banner.Click",
    "users.messages.banner.Dismiss",
    "users.messages.banner.Impression",
    "users.messages.contentcard.Abort",
    "users.messages.contentcard.Click",
    "users.messages.contentcard.Dismiss",
    "users.messages.contentcard.Impression",
    "users.messages.contentcard.Send",
    "users.messages.email.Abort",
    "users.messages.email.Bounce",
    "users.messages.email.Click",
    "users.messages.email.Deferral",
    "users.messages.email.Delivery",
    "users.messages.email.MarkAsSpam",
    "users.messages.email.Open",
    "users.messages.email.Retry",
    "users.messages.email.Send",
    "users.messages.email.SoftBounce",
    "users.messages.email.Unsubscribe",
    "users.messages.featureflag.Impression",
    "users.messages.inappmessage.Abort",
    "users.messages.inappmessage.Click",
    "users.messages.inappmessage.Impression",
    "users.messages.line.Abort",
    "users.messages.line.Click",
    "users.messages.line.InboundReceive",
    "users.messages.line.Retry",
    "users.messages.line.Send",
    "users.messages.liveactivity.Outcome",
    "users.messages.liveactivity.Send",
    "users.messages.newsfeedcard.Abort",
    "users.messages.newsfeedcard.Click",
    "users.messages.newsfeedcard.Impression",
    "users.messages.pushnotification.Abort",
    "users.messages.pushnotification.Bounce",
    "users.messages.pushnotification.IosForeground",
    "users.messages.pushnotification.Open",
    "users.messages.pushnotification.Retry",
    "users.messages.pushnotification.Send",
    "users.messages.rcs.Abort",
    "users.messages.rcs.Click",
    "users.messages.rcs.Delivery",
    "users.messages.rcs.InboundReceive",
    "users.messages.rcs.Read",
    "users.messages.rcs.Rejection",
    "users.messages.rcs.Send",
    "users.messages.sms.Abort",
    "users.messages.sms.CarrierSend",
    "users.messages.sms.Delivery",
    "users.messages.sms.DeliveryFailure",
    "users.messages.sms.InboundReceive",
    "users.messages.sms.Rejection",
    "users.messages.sms.Retry",
    "users.messages.sms.Send",
    "users.messages.sms.ShortLinkClick",
    "users.messages.webhook.Abort",
    "users.messages.webhook.Failure",
    "users.messages.webhook.Retry",
    "users.messages.webhook.Send",
    "users.messages.whatsapp.Abort",
    "users.messages.whatsapp.Click",
    "users.messages.whatsapp.Delivery",
    "users.messages.whatsapp.Failure",
    "users.messages.whatsapp.InboundReceive",
    "users.messages.whatsapp.Read",
    "users.messages.whatsapp.Retry",
    "users.messages.whatsapp.Send",
];

/// Words that parts of a type stand for. One that is empty only groups.
const WORDS: [(&str, &str); 22] = [
    ("users", ""),
    ("behaviors", ""),
    ("messages", ""),
    ("agentconsole", "Agent Console"),
    ("campaigns", "Campaign"),
    ("canvasstep", "Canvas Step"),
    ("contentcard", "Content Card"),
    ("contentoptimizer", "Content Optimizer"),
    ("costep", "Content Optimizer Step"),
    ("experimentstep", "Experiment Step"),
    ("featureflag", "Feature Flag"),
    ("inappmessage", "In-App Message"),
    ("line", "LINE"),
    ("liveactivity", "Live Activity"),
    ("newsfeedcard", "News Feed Card"),
    ("pushnotification", "Push Notification"),
    ("rcs", "RCS"),
    ("sendtodestination", "Send To Destination"),
    ("sms", "SMS"),
    ("subscriptiongroup", "Subscription Group"),
    ("whatsapp", "WhatsApp"),
    ("IosForeground", "iOS Foreground"),
];

/// Returns the name of an event type in Amplitude. One that has no documented name gets one made of its path: parts
/// that only group (`users`, `behaviors`, `messages`) fall away, known ones are said in words, others begin with a
/// capital letter, and what is written together is taken apart at its capital letters.
pub(super) fn name(event_type: &str) -> String {
    let documented = NAMES.binary_search_by_key(&event_type, |(known, _)| known);
    if let Ok(at) = documented {
        return format!("{PREFIX}{}", NAMES[at].1);
    }
    let parts = event_type.split('.').map(|part| {
        let word = WORDS.iter().find(|(known, _)| *known == part);
        word.map_or_else(|| apart(part), |(_, word)| (*word).to_owned())
    });
    let words: Vec<String> = parts.filter(|word| !word.is_empty()).collect();
    format!("{PREFIX}{}", words.join(" "))
}

/// Returns the name of a custom event in Amplitude.
pub(super) fn custom(name: &str) -> String {
    format!("{PREFIX}[Custom Event] {name}")
}

/// Takes `MatchedAudience` apart.
fn apart(part: &str) -> String {
    let mut words = String::new();
    for (at, letter) in part.chars().enumerate() {
        if at == 0 {
            words.extend(letter.to_uppercase());
            continue;
        }
        if letter.is_uppercase() && !words.ends_with(char::is_uppercase) {
            words.push(' ');
        }
        words.push(letter);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(NAMES.is_sorted() && TYPES.is_sorted() && PRIVATE.is_sorted());
        assert!(NAMES.iter().all(|(known, _)| TYPES.contains(known)));
    }

    #[test]
    fn every_type_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<String> =
            TYPES.iter().map(|known| name(known)).collect();
        assert_eq!(names.len(), TYPES.len());
        for (event_type, wanted) in [
            ("users.messages.email.Open", "[Appboy] Email Open"),
            ("users.messages.rcs.Click", "[Appboy] Click"),
            (
                "users.canvas.exit.MatchedAudience",
                "[Appboy] Canvas Exit Matched Audience",
            ),
            ("users.messages.whatsapp.Read", "[Appboy] WhatsApp Read"),
            (
                "agentconsole.ToolInvocation",
                "[Appboy] Agent Console Tool Invocation",
            ),
            (
                "users.messages.carrierpigeon.SentHome",
                "[Appboy] Carrierpigeon Sent Home",
            ),
            ("users.UserOrphan", "[Appboy] User Orphan"),
        ] {
            assert_eq!(name(event_type), wanted);
        }
        assert_eq!(custom("signed_up"), "[Appboy] [Custom Event] signed_up");
    }
}
