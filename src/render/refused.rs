//! Rows that Braze refused, as lines of CSV. People's ids are in them: only a file that was asked for gets them.

use crate::model::{Identity, Refusal};

/// The first line.
pub const HEAD: &str = "address,identifier,alias_label,id,amplitude_id,verb,value,reason\n";

/// Draws one row.
pub fn line(refusal: &Refusal) -> String {
    let identity = refusal.key.identity();
    let (label, id) = match identity {
        Identity::Alias { label, name } => (label, name),
        Identity::Device(id) | Identity::External(id) => ("", id),
    };
    let number = refusal.amplitude_id.map(|id| id.to_string());
    let cells = [
        refusal.address.as_str(),
        identity.word(),
        label,
        id,
        number.as_deref().unwrap_or_default(),
        refusal.verb.word(),
        refusal.value.as_deref().unwrap_or_default(),
        &refusal.reason,
    ];
    cells.map(cell).join(",") + "\n"
}

/// Quotes a cell where it must be.
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Key, Verb};

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let refusal = Refusal {
            address: Address::new("sync", "a"),
            key: Key::external("u,\"1").unwrap(),
            amplitude_id: Some(7),
            verb: Verb::Add,
            value: Some("\"A\"".into()),
            reason: "no, says Braze".into(),
            at: 0,
            run: "r".into(),
        };
        assert_eq!(
            line(&refusal),
            "sync.a,external_id,,\"u,\"\"1\",7,add,\"\"\"A\"\"\",\"no, says Braze\"\n"
        );
    }
}
