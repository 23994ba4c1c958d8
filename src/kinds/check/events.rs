//! Event streams: what they cannot mean, what Braze would refuse, and whom no event reaches. Nothing is asked of a service.

use std::collections::BTreeMap;

use super::{attribute::LONGEST, error, unused_setting};
use crate::{
    config::{Configuration, Identifier, IdentifierWord, OnDestroy, Resource},
    kinds::event_stream::{
        Becomes, Bound, Condition, End, Event, Part, Property, Purchase, RESERVED,
        RESERVED_OF_PURCHASE, Source, Spec, constant, names,
    },
    model::{Diagnostic, Key},
};

/// The event streams, with what they say.
pub(super) fn all(configuration: &Configuration) -> impl Iterator<Item = (&Resource, Spec)> {
    let resources = configuration.resources.values();
    resources
        .filter(|resource| resource.kind == "event_stream")
        .filter_map(|resource| {
            let spec = serde_json::from_value(resource.body.clone()).ok()?;
            Some((resource, spec))
        })
}

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    for (resource, spec) in all(configuration) {
        let mut findings = Findings { resource, found };
        times(&spec, &mut findings);
        events(&spec, &mut findings);
        properties(&spec, &mut findings);
        people(&mut findings);
        unused(configuration, &mut findings);
    }
}

/// Takes what is found of one sync.
struct Findings<'a> {
    resource: &'a Resource,
    found: &'a mut Vec<Diagnostic>,
}

impl Findings<'_> {
    fn refuse(&mut self, pointer: &str, code: &'static str, message: String, hint: &str) {
        let hint = Some(hint.to_owned());
        let one = error(&self.resource.origin, pointer, code, message, hint);
        if !self.found.contains(&one) {
            self.found.push(one);
        }
    }
}

fn times(spec: &Spec, findings: &mut Findings<'_>) {
    if spec.from == Source::Export && spec.start_at.is_none() {
        let message = format!(
            "`{}` does not say with which moment it begins",
            findings.resource.address
        );
        let hint = "write start_at: 2026-11-01T00:00:00Z, say: what Amplitude received before is never sent";
        findings.refuse("", "no-start", message, hint);
    }
    if let (Some(start), Some(stop)) = (spec.start_at, spec.stop_at)
        && stop <= start
    {
        let message = "`stop_at` is not after `start_at`: nothing would ever be sent".to_owned();
        let hint = "let it end later, or take stop_at out";
        findings.refuse("/stop_at", "stop-before-start", message, hint);
    }
}

fn events(spec: &Spec, findings: &mut Findings<'_>) {
    let mut is_used = false;
    for (at, event) in spec.events.iter().enumerate() {
        let pointer = format!("/events/{at}");
        let own = |key: &str| format!("{pointer}/{key}");
        match (event.becomes(spec), event.purchase()) {
            (Becomes::Purchase, Some(purchase)) => {
                sold(purchase, &own("purchase"), findings);
                renamed(event, &own("rename"), findings);
            }
            (Becomes::Purchase, None) => {
                is_used = true;
                if spec.purchase.is_none() {
                    let message = format!(
                        "`{}` becomes a purchase, and nothing says how",
                        event.name()
                    );
                    let hint = "add purchase: {product_id: …, price: …, currency: …}";
                    findings.refuse(&own("as"), "no-purchase", message, hint);
                }
                renamed(event, &own("rename"), findings);
            }
            (Becomes::Event, Some(_)) => {
                let message = format!(
                    "`{}` becomes a custom event, and those have no `purchase`",
                    event.name()
                );
                let hint = "add as: purchase, or take `purchase` out";
                findings.refuse(&own("purchase"), "unused-purchase", message, hint);
            }
            (Becomes::Event, None) if event.in_braze().chars().count() > LONGEST => {
                let message = format!("Braze keeps {LONGEST} letters of the name of an event");
                let hint = "give it a shorter one in Braze: {name: …, rename: …}";
                findings.refuse(&pointer, "wrong-event", message, hint);
            }
            (Becomes::Event, None) => {}
        }
        for (name, condition) in event.filter() {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            filter(
                name,
                condition,
                &format!("{pointer}/where/{escaped}"),
                findings,
            );
        }
    }
    if let Some(purchase) = &spec.purchase {
        sold(purchase, "/purchase", findings);
        if !is_used {
            let message =
                "`purchase` says how a purchase is made, and no event becomes one".to_owned();
            let hint = "add as: purchase, or take `purchase` out";
            findings.refuse("/purchase", "unused-purchase", message, hint);
        }
    }
}

fn renamed(event: &Event, pointer: &str, findings: &mut Findings<'_>) {
    if event.in_braze() != event.name() {
        let message = "a purchase has no name in Braze but its product".to_owned();
        findings.refuse(pointer, "rename-of-purchase", message, "take `rename` out");
    }
}

fn sold(purchase: &Purchase, pointer: &str, findings: &mut Findings<'_>) {
    if purchase.price.is_some() == purchase.revenue.is_some() {
        let message =
            "a purchase has either `price`, that of one, or `revenue`, that of all".to_owned();
        let hint = "write one of the two";
        findings.refuse(pointer, "price-or-revenue", message, hint);
    }
    let parts = [
        ("product_id", Some(&purchase.product_id)),
        ("price", purchase.price.as_ref()),
        ("revenue", purchase.revenue.as_ref()),
        ("currency", Some(&purchase.currency)),
        ("quantity", purchase.quantity.as_ref()),
    ];
    for (key, part) in parts {
        let Some(part) = part else { continue };
        let pointer = format!("{pointer}/{key}");
        let fits = match part {
            Part::Property(name) => !name.trim().is_empty(),
            Part::Constant { value } => {
                let text = constant(value);
                text.is_some_and(|text| holds(key, &text))
            }
        };
        if !fits {
            let (message, hint) = match key {
                "product_id" => (
                    "Braze takes no such product",
                    "a product has 1 to 255 letters",
                ),
                "currency" => (
                    "this is no currency",
                    "write the three letters of ISO 4217, such as {value: USD}",
                ),
                "quantity" => (
                    "this is no quantity",
                    "a quantity is a whole number, at least 1",
                ),
                _ => (
                    "this is no amount",
                    "write a number, or the name of a property",
                ),
            };
            findings.refuse(&pointer, "wrong-purchase", message.to_owned(), hint);
        }
    }
}

/// Whether a constant may be a part of a purchase.
fn holds(key: &str, text: &str) -> bool {
    match key {
        "product_id" => text.chars().count() <= LONGEST,
        "currency" => text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic()),
        "quantity" => text.parse::<u32>().is_ok_and(|quantity| quantity > 0),
        _ => text.trim().parse::<f64>().is_ok_and(f64::is_finite),
    }
}

fn filter(name: &str, condition: &Condition, pointer: &str, findings: &mut Findings<'_>) {
    if Property::prefixed(name).is_none() {
        let message = format!("`{name}` names no property");
        let hint = "write `event.` or `user.` and the name of the property";
        findings.refuse(pointer, "wrong-condition", message, hint);
    }
    let Condition::Within { min, max } = condition else {
        return;
    };
    let ends = [("min", min), ("max", max)];
    let mut read = vec![];
    for (key, bound) in ends {
        let Some(bound) = bound else { continue };
        if let Some(end) = End::of(bound) {
            read.push(end);
            continue;
        }
        let text = match bound {
            Bound::Time(text) => text.clone(),
            Bound::Number(number) => number.to_string(),
        };
        let message = format!("`{text}` is neither a number nor a time");
        let hint = "write 5, 2026-11-01 or 2026-11-01T08:00:00Z";
        let pointer = format!("{pointer}/{key}");
        findings.refuse(&pointer, "wrong-condition", message, hint);
    }
    let wrong = match (read.as_slice(), min.is_none() && max.is_none()) {
        (_, true) => Some("a range has `min`, `max` or both"),
        ([one, other], _) => match one.order(*other) {
            None => Some("`min` and `max` are both numbers, or both times"),
            Some(order) if order.is_gt() => Some("nothing lies between these ends"),
            Some(_) => None,
        },
        _ => None,
    };
    if let Some(wrong) = wrong {
        let hint = "write {min: 5, max: 10}, say";
        findings.refuse(pointer, "wrong-condition", wrong.to_owned(), hint);
    }
}

fn properties(spec: &Spec, findings: &mut Findings<'_>) {
    let Some(written) = &spec.properties else {
        return;
    };
    let becomes = |wanted| {
        spec.events
            .iter()
            .any(|event| event.becomes(spec) == wanted)
    };
    let (purchases, custom) = (becomes(Becomes::Purchase), becomes(Becomes::Event));
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    for (whose, list) in [("event", &written.event), ("user", &written.user)] {
        for (at, picked) in list.iter().enumerate() {
            let pointer = format!("/properties/{whose}/{at}");
            let name = picked.to();
            let hint = "give it another name in Braze: {from: …, to: …}";
            if !names(name) {
                let message = format!(
                    "Braze takes no such name of a property: it has 1 to {LONGEST} letters, the first of them not `$`"
                );
                findings.refuse(&pointer, "wrong-property", message, hint);
            } else if custom && RESERVED.contains(&name) {
                let message = format!("Braze keeps the property `{name}` of an event for itself");
                findings.refuse(&pointer, "wrong-property", message, hint);
            } else if purchases && RESERVED_OF_PURCHASE.contains(&name) {
                let message = if name == "units" {
                    "a purchase has the property `units` where Braze cannot hold its quantity"
                        .to_owned()
                } else {
                    format!("Braze keeps the property `{name}` of a purchase for itself")
                };
                findings.refuse(&pointer, "wrong-property", message, hint);
            }
            if let Some(other) = known.insert(name, whose) {
                let both = if other == whose {
                    "two properties"
                } else {
                    "a property of the event and one of the person"
                };
                let message = format!("{both} would be `{name}` in Braze");
                findings.refuse(&pointer, "property-twice", message, hint);
            }
        }
    }
}

/// Events go by external id and by alias.
fn people(findings: &mut Findings<'_>) {
    let Some(list) = findings.resource.settings.identify_by.as_deref() else {
        return;
    };
    let address = findings.resource.address.clone();
    if list.is_empty() {
        let message = format!("`{address}` names its people by nothing");
        let hint = "write identify_by: [external_id], or leave it out";
        findings.refuse("/identify_by", "no-identifier", message, hint);
    }
    for (at, identifier) in list.iter().enumerate() {
        let pointer = format!("/identify_by/{at}");
        match identifier {
            _ if list[..at].contains(identifier) => {
                let message = "an identifier stands twice in this list".to_owned();
                let hint = "take it out: each event takes the first it has";
                findings.refuse(&pointer, "identifier-twice", message, hint);
            }
            Identifier::Word(IdentifierWord::DeviceId) => {
                let message =
                    format!("`{address}` writes events, and those reach nobody by `device_id`");
                let hint = "take `device_id` out";
                findings.refuse(&pointer, "unusable-identifier", message, hint);
            }
            Identifier::Alias { alias, .. } if Key::alias(alias, "name").is_err() => {
                let message = "Braze takes no such label of an alias".to_owned();
                let hint = "a label has 1 to 236 bytes";
                findings.refuse(&pointer, "unusable-identifier", message, hint);
            }
            Identifier::Alias { .. } | Identifier::Word(_) => {}
        }
    }
}

/// What a sync of rows that stay takes, and a log does not: an event was sent, and that is all. What `defaults` say may be
/// meant for other syncs.
fn unused(configuration: &Configuration, findings: &mut Findings<'_>) {
    let resource = findings.resource;
    let settings = &resource.settings;
    let empties = settings.on_destroy == Some(OnDestroy::Empty);
    let table = [
        (
            "/exclude",
            settings.exclude.is_some(),
            "`exclude` means nothing to an event stream: it reads no cohort",
        ),
        (
            "/label",
            settings.label.is_some(),
            "`label` means nothing to an event stream: an event shows none",
        ),
        (
            "/recreate",
            settings.recreate.is_some(),
            "`recreate` means nothing to an event stream: it remembers nobody",
        ),
        (
            "/on_leave",
            settings.on_leave.is_some(),
            "`on_leave` means nothing to an event stream: nobody leaves it",
        ),
        (
            "/on_null",
            settings.on_null.is_some(),
            "`on_null` means nothing to an event stream: a property that is null does not travel",
        ),
        (
            "/on_destroy",
            empties,
            "`on_destroy: empty` means nothing to an event stream: no event can be taken back",
        ),
        (
            "/allow_removal",
            settings.allow_removal.is_some(),
            "`allow_removal` means nothing to an event stream: it removes nothing",
        ),
        (
            "/allow_empty",
            settings.allow_empty.is_some(),
            "`allow_empty` means nothing to an event stream: hours without events are usual",
        ),
        (
            "/max_age",
            settings.max_age.is_some(),
            "`max_age` means nothing to an event stream: it reads no cohort file",
        ),
        (
            "/seed",
            settings.seed.is_some(),
            "`seed` means nothing to an event stream: `start_at` says with what it begins",
        ),
        (
            "/confirm",
            settings.confirm.is_some(),
            "`confirm` means nothing to an event stream: Braze tells of no single event",
        ),
        (
            "/recheck",
            settings.recheck.is_some(),
            "`recheck` means nothing to an event stream: nobody is asked for",
        ),
        (
            "/retry_refused",
            settings.retry_refused.is_some(),
            "`retry_refused` means nothing to an event stream: what Braze refuses stays refused",
        ),
    ];
    for (pointer, is_set, message) in table {
        let elsewhere = configuration.resources.values();
        let elsewhere = elsewhere.filter(|other| other.kind != "event_stream");
        if is_set {
            let one = unused_setting(
                resource,
                elsewhere,
                pointer,
                message,
                "it is for syncs of rows that stay",
            );
            findings
                .found
                .extend(one.filter(|one| !findings.found.contains(one)));
        }
    }
}
