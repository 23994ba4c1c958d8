//! What Amplitude's Developer API says, where destinations are declared: the token, what it may, and the parameters of each
//! integration, by the ids that a configuration says them under.

use std::collections::BTreeSet;

use super::{Look, Services, Told, within};
use crate::{
    amplitude::Developer,
    engine::online::destinations::{declared, unset},
    model::{Check, Destination, DestinationType, number},
};

const TOKEN: &str = "developer token";
const SECRETS: &str = "account secrets";
const READ: &str = "destinations: read";
const WRITE: &str = "destinations: write";
const TYPES: &str = "destination types";

/// Asks what is to be known of destinations; nothing where none is declared.
pub(super) async fn checks(look: &Look, services: &Services, project: Option<u64>) -> Vec<Check> {
    let partners = declared(&look.configuration).map(|(_, spec)| spec.partner);
    let partners: BTreeSet<String> = partners.collect();
    if partners.is_empty() {
        return vec![];
    }
    let wanted = &look.configuration.amplitude.developer_token;
    let mut checks = vec![];
    let Ok(reader) = &services.developer.reader else {
        checks.push(if wanted.is_left_out {
            Check::warn(
                TOKEN,
                "none: destinations are not seen, and are changed by hand",
                "add `developer_token: ${AMPLITUDE_PAT}` under `amplitude`, where the organisation is in the early access of \
                 the Developer API",
            )
        } else {
            let hint = wanted.missing.hint.clone().unwrap_or_default();
            Check::fail(TOKEN, wanted.missing.message.clone(), hint)
        });
        checks.extend(unset_secrets(look));
        return checks;
    };
    let types = futures_util::future::join_all(partners.iter().map(|partner| async {
        let told = within(reader.destination_type(partner)).await;
        described(partner, told)
    }));
    let (context, types) = tokio::join!(within(reader.context()), types);
    checks.push(token(context));
    checks.extend(unset_secrets(look));
    checks.extend(rights(reader, look.configuration.amplitude.project_id.or(project)).await);
    checks.extend(types);
    checks
}

/// Names the parameters whose variables are not set. Where nothing is sent, a plan does without them.
fn unset_secrets(look: &Look) -> Option<Check> {
    let configuration = &look.configuration;
    let missing = declared(configuration)
        .flat_map(|(resource, _)| {
            let missing = unset(configuration, &resource.address);
            missing.map(|(_, missing)| (resource.address.clone(), missing))
        })
        .collect::<Vec<_>>();
    let (_, first) = missing.first()?;
    let hint = first.hint.clone().unwrap_or_default();
    let each = missing.iter();
    let words: Vec<String> = each
        .map(|(address, missing)| format!("{address}: {}", missing.message))
        .collect();
    let left_out = configuration.amplitude.developer_token.is_left_out;
    let of = if left_out { Check::warn } else { Check::fail };
    Some(of(SECRETS, words.join("; "), hint))
}

async fn rights(reader: &Developer, project: Option<u64>) -> Vec<Check> {
    let Some(project) = project else {
        return vec![Check::fail(
            READ,
            "the project is not known, and no cohort tells it",
            "say amplitude.project_id, the number in the project's settings",
        )];
    };
    let (read, write) = tokio::join!(
        within(reader.destinations(project)),
        within(reader.may_write(project)),
    );
    let accounts = |accounts: Vec<Destination>| match accounts.len() {
        1 => "1 account".to_owned(),
        many => format!("{} accounts", number(many as u64)),
    };
    vec![
        judged(READ, read, accounts),
        judged(WRITE, write, |()| "permitted".to_owned()),
    ]
}

fn token(context: Told<Option<String>>) -> Check {
    judged(TOKEN, context, |kind| match kind {
        Some(kind) => format!("accepted ({kind})"),
        None => "accepted".to_owned(),
    })
}

fn described(partner: &str, told: Told<Option<DestinationType>>) -> Check {
    let missing = "see how Amplitude spells it: its list of integrations is in Data > Destinations";
    match told {
        Told::Yes(None) => Check::fail(
            TYPES,
            format!("Amplitude has no integration `{partner}`"),
            missing,
        ),
        told => judged(TYPES, told, |of| {
            let parameters = of.map(|of| of.parameters).unwrap_or_default();
            let words = parameters.iter().map(|parameter| {
                let secret =
                    (parameter.write_only && parameter.kind != "secret").then_some("secret");
                let needed = parameter.required.then_some("needed");
                let about = [Some(parameter.kind.as_str()), secret, needed];
                let about: Vec<&str> = about.into_iter().flatten().collect();
                format!("{} ({})", parameter.id, about.join(", "))
            });
            format!("{partner} takes {}", words.collect::<Vec<_>>().join(", "))
        }),
    }
}

fn judged<T>(name: &'static str, told: Told<T>, well: impl FnOnce(T) -> String) -> Check {
    const LATER: &str = "destinations wait for it; others do not";
    match told {
        Told::Yes(found) => Check::ok(name, well(found)),
        Told::Refused(words, hint) => {
            Check::fail(name, format!("refused: {words}"), hint.unwrap_or(LATER))
        }
        Told::Odd(text) => Check::fail(name, format!("answered {text}"), LATER),
        Told::Busy(text) => Check::warn(name, text, LATER),
        Told::Unreached(_, text) => Check::fail(name, format!("not reached: {text}"), LATER),
        Told::Unasked => Check::warn(name, "not asked", LATER),
    }
}
