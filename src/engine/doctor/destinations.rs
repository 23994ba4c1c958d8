//! What Amplitude's Developer API says, where destinations are declared: the token, what it may, and the parameters of each
//! integration, by the ids that a configuration says them under.

use std::collections::BTreeSet;

use super::{Look, Services, Told, within};
use crate::{
    amplitude::Developer,
    kinds::{self, destination::Spec},
    model::{Check, Destination, DestinationType, number},
};

const TOKEN: &str = "developer token";
const READ: &str = "destinations: read";
const WRITE: &str = "destinations: write";
const TYPES: &str = "destination types";

/// Asks what is to be known of destinations; nothing where none is declared.
pub(super) async fn checks(look: &Look, services: &Services, project: Option<u64>) -> Vec<Check> {
    let resources = look.configuration.resources.values();
    let declared = resources.filter(|resource| kinds::is_managed(resource));
    let specs = declared.filter_map(|one| serde_json::from_value(one.body.clone()).ok());
    let partners: BTreeSet<String> = specs.map(|spec: Spec| spec.partner).collect();
    if partners.is_empty() {
        return vec![];
    }
    let wanted = &look.configuration.amplitude.developer_token;
    let Ok(reader) = &services.developer.reader else {
        if !wanted.is_left_out {
            let hint = wanted.missing.hint.clone().unwrap_or_default();
            return vec![Check::fail(TOKEN, wanted.missing.message.clone(), hint)];
        }
        return vec![Check::warn(
            TOKEN,
            "none: destinations are not seen, and are changed by hand",
            "add `developer_token: ${AMPLITUDE_PAT}` under `amplitude`, where the organisation is in the early access of \
             the Developer API",
        )];
    };
    let types = futures_util::future::join_all(partners.iter().map(|partner| async {
        let told = within(reader.destination_type(partner)).await;
        described(partner, told)
    }));
    let (context, types) = tokio::join!(within(reader.context()), types);
    let mut checks = vec![token(context)];
    checks.extend(rights(reader, look.configuration.amplitude.project_id.or(project)).await);
    checks.extend(types);
    checks
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
