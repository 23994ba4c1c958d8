//! Which fields are secret, and that no file holds their values.
//! It never looks at a value that was filled in.

use super::{
    locate::Findings,
    template,
    tree::{Data, Node},
};

/// Secret fields, as JSON pointers.
const SECRETS: [&str; 6] = [
    "/amplitude/api_key",
    "/amplitude/secret_key",
    "/amplitude/developer_token",
    "/braze/api_key",
    "/braze/cohort_import/data_import_key",
    "/braze/cohort_import/partner_api_key",
];

/// Whether a pointer names a secret field, in the file or in the overlay of an environment.
pub(super) fn is_secret(pointer: &str) -> bool {
    let inside = match pointer.strip_prefix("/environments/") {
        Some(rest) => rest.find('/').map_or("", |at| &rest[at..]),
        None => pointer,
    };
    SECRETS.contains(&inside)
}

/// Reports every literal in a secret field, and in a secret's default.
pub(super) fn literals(tree: &Node, findings: &mut Findings) {
    for pointer in SECRETS {
        literal(tree, pointer, findings);
        for (_, environment) in tree.entries("environments") {
            literal(&environment.node, pointer, findings);
        }
    }
    let environments = tree.entries("environments");
    for block in std::iter::once(tree).chain(environments.map(|(_, of)| &of.node)) {
        for (_, destination) in block.entries("destinations") {
            for (id, parameter) in destination.node.entries("config") {
                let plain = matches!(parameter.node.data, Data::Bool(_));
                if is_secret_parameter(id) && !plain {
                    refuse(
                        &parameter.node,
                        &format!("config.{id}"),
                        &variable(id),
                        findings,
                    );
                }
            }
        }
    }
}

/// Whether the id of a parameter says that it is secret, however its words are put together. Which others are, Amplitude alone
/// knows: a plan, and a validation that asks it, refuse those.
pub fn is_secret_parameter(id: &str) -> bool {
    const ENDS: [&str; 12] = [
        "apikey",
        "accesskey",
        "privatekey",
        "importkey",
        "secretkey",
        "authkey",
        "signingkey",
        "writekey",
        "secret",
        "token",
        "password",
        "passphrase",
    ];
    let letters: String = id
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    let letters = letters.to_lowercase();
    ENDS.iter().any(|end| letters.ends_with(end))
}

fn variable(name: &str) -> String {
    name.to_uppercase().replace(['.', '-'], "_")
}

fn literal(tree: &Node, pointer: &str, findings: &mut Findings) {
    let Some((node, _)) = tree.pointer(pointer) else {
        return;
    };
    let name = pointer.trim_start_matches('/').replace('/', ".");
    let example = variable(&name).replace("COHORT_IMPORT_", "");
    refuse(node, &name, &example, findings);
}

fn refuse(node: &Node, name: &str, example: &str, findings: &mut Findings) {
    let hint = format!(
        "write ${{{example}}} and export the variable; if this key was ever committed, replace it"
    );
    match &node.data {
        Data::Text(text) if template::is_reference(text) || template::parse(text).is_err() => {}
        Data::Text(text) if template::is_template(text) => {
            let message = format!(
                "`{name}` holds a literal beside its variable: a secret, or its default, is never written in a file"
            );
            findings.error("literal-secret", node.spot, message, hint);
        }
        Data::Null | Data::List(_) | Data::Map(_) => {}
        _ => {
            let message = format!("`{name}` holds a literal: a secret is never written in a file");
            findings.error("literal-secret", node.spot, message, hint);
        }
    }
}
