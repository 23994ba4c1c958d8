//! The configuration's schema and its golden cases.

use std::{fs, path::Path};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn blessing() -> bool {
    option_env!("BLESS").is_some() || std::env::vars_os().any(|(name, _)| name == "BLESS")
}

#[test]
fn schema_is_fresh() {
    let path = root().join("schema/syncform.schema.json");
    let mut fresh = serde_json::to_string_pretty(&syncform::kinds::schema()).unwrap();
    fresh.push('\n');
    if blessing() {
        fs::write(&path, &fresh).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == fresh,
        "run BLESS=1 cargo test"
    );
}
