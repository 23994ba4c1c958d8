//! The sandbox as a process of its own: what its `/_sandbox/` endpoints set and show of values, and what a kill leaves.

use serde_json::{Value, json};

use crate::support::cdnow::{self, Ask, JUNE};
use crate::support::http;
use crate::support::world::World;

#[test]
fn a_kill_loses_no_value() {
    let scenario = cdnow::scenario(&Ask::day(JUNE).customers(2000));
    let lines = scenario.files["amplitude/profiles.jsonl"].lines();
    let people: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let kept = ["--world", dir.path().to_str().unwrap()];
    let world = World::with(&scenario.dir, &kept);
    let id = |person: &Value| person["user_id"].as_str().unwrap().to_owned();
    let (first, last) = (&people[0], &people[1999]);
    for person in [first, last] {
        assert_eq!(world.person(&id(person)), *person);
    }
    let mut changed = first.clone();
    changed["computations"] = json!({"comp_ltv": {"name": "ltv", "value": "12.50"}});
    world.put_person(&id(first), &changed);
    world.fix_attribute("ltv", &json!({"data_type": "Number"}));
    world.put_user(&id(first), &json!({"ltv": "12.50", "genres": ["rock"]}));
    drop(world);
    let world = World::with(&scenario.dir, &kept);
    assert_eq!(world.person(&id(first)), changed);
    assert_eq!(world.person(&id(last)), *last);
    world.put_user(&id(last), &json!({"ltv": 12.5, "genres": ["jazz"]}));
    world.put_user(&id(first), &json!({"ltv": "still no number"}));
    assert_eq!(
        world.attribute("ltv").into_iter().collect::<Vec<_>>(),
        [(id(last), json!(12.5))]
    );
    assert_eq!(world.attribute("genres").len(), 2);
    let authority = world.url().strip_prefix("http://").unwrap();
    let (status, text) = http::ask(authority, "GET", "/v1/userprofile?user_id=cdnow-00001", b"");
    assert_eq!(
        (status, &*text),
        (401, &b"Missing Api-Key in Authorization header"[..])
    );
    assert_eq!(world.stats().profile_reads(), 1);
}
