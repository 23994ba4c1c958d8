//! What somebody does by hand who has no token for the Developer API. Values of parameters are not in the words.

use super::Spec;

/// Returns the steps that make an account what an entry says.
pub fn steps(spec: &Spec) -> Vec<String> {
    let Spec {
        partner,
        display_name,
        ..
    } = spec;
    let list = |items: Vec<String>| items.join(", ");
    let quoted = |text: &String| format!("\"{text}\"");
    let mut steps = vec![format!(
        "Amplitude > Data > Destinations: open \"{display_name}\", or add a destination of {partner} with that name"
    )];
    let ids: Vec<String> = spec
        .config
        .iter()
        .flatten()
        .map(|(id, _)| id.clone())
        .collect();
    if !ids.is_empty() {
        steps.push(format!(
            "set its parameters as the YAML says: {}",
            list(ids)
        ));
    }
    if let Some(filter) = &spec.event_filter {
        let events = filter.events.iter().map(quoted).collect();
        steps.push(format!("Send Events: choose {} and no other", list(events)));
    }
    if let Some(mappings) = &spec.property_mappings {
        let each = mappings.iter();
        let pairs = each.map(|mapping| format!("{} to {}", mapping.from, mapping.to));
        steps.push(format!("map {}", list(pairs.collect())));
    }
    let switch = |on: bool| if on { "on" } else { "off" };
    for (what, on) in [
        ("Send Events", spec.send_events),
        ("Send Users", spec.send_users),
        ("the destination itself", spec.enabled),
    ] {
        steps.extend(on.map(|on| format!("switch {what} {}", switch(on))));
    }
    steps.push(
        "nobody can verify this without amplitude.developer_token (the Developer API, in early access); with it, an apply does it"
            .to_owned(),
    );
    steps
}
