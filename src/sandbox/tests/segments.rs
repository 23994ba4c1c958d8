//! Braze's segments: what a person clicks, who is in one, and three answers about it that have to agree.

use std::{
    collections::BTreeSet,
    io::{Cursor, Read},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    Hands,
    client::{Answer, Sandbox},
    fresh, kept, scenario, serving, write,
};
use crate::sandbox::{Error, Limits, start};

const BEARER: &str = "authorization: Bearer key";

async fn get(sandbox: &Sandbox, path: &str) -> Answer {
    sandbox.send("GET", path, &[BEARER], "").await.unwrap()
}

async fn click(sandbox: &Sandbox, segments: Value) -> Value {
    let body = json!({"segments": segments}).to_string();
    let answer = sandbox.own("PUT", "braze/segments", &body).await;
    assert_eq!(answer.status, 200, "{body}: {}", text(&answer));
    answer.json()["segments"].take()
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

async fn details(sandbox: &Sandbox, id: &str) -> Value {
    let answer = get(sandbox, &format!("/segments/details?segment_id={id}")).await;
    assert_eq!(answer.status, 200, "{}", text(&answer));
    answer.json()
}

async fn size(sandbox: &Sandbox, id: &str) -> Value {
    let path = format!("/segments/data_series?segment_id={id}&length=1");
    let answer = get(sandbox, &path).await;
    assert_eq!(answer.status, 200, "{}", text(&answer));
    answer.json()["data"][0]["size"].take()
}

async fn export(sandbox: &Sandbox, id: &str) -> Answer {
    let body = json!({"segment_id": id, "fields_to_export": ["external_id"]});
    sandbox.braze("/users/export/segment", &body).await
}

/// The path of an accepted export's file: the client under test knows one host.
fn file(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", text(answer));
    let url = answer.json()["url"].as_str().unwrap().to_owned();
    let place = url.find("/segment-exports/").unwrap();
    url[place..].to_owned()
}

/// Fetches an archive without a key, until it is made.
async fn fetch(sandbox: &Sandbox, path: &str) -> Answer {
    for _ in 0..2_000 {
        let answer = sandbox.send("GET", path, &[], "").await.unwrap();
        if answer.status != 403 {
            return answer;
        }
    }
    panic!("never ready");
}

/// The people of each file of an archive.
fn unpacked(archive: &[u8]) -> Vec<Vec<Value>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut files = Vec::new();
    for place in 0..zip.len() {
        let mut text = String::new();
        zip.by_index(place)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert!(text.ends_with('\n'));
        files.push(text.lines().map(|line| line.parse().unwrap()).collect());
    }
    files
}

async fn exported(sandbox: &Sandbox, body: &Value) -> Vec<Value> {
    let answer = sandbox.braze("/users/export/segment", body).await;
    let archive = fetch(sandbox, &file(&answer)).await;
    assert_eq!(archive.status, 200);
    assert_eq!(archive.header("content-type"), Some("application/zip"));
    unpacked(&archive.body).concat()
}

/// Ann, bob and an anonymous phone of the scenario, and three cohorts that partners imported.
async fn peopled(change: impl FnOnce(&mut crate::sandbox::Options)) -> Sandbox {
    let sandbox = fresh(change).await;
    let people = json!([
        {"external_id": "ann", "vip": true, "orders": 3},
        {"external_id": "bob", "vip": false, "orders": 7, "tags": ["b", "c"]},
    ]);
    assert_eq!(sandbox.track(people).await.status, 201);
    for (partner, id, name, change) in [
        ("amplitude", "k1", "Lapsed", json!({"user_ids": ["ann"]})),
        ("acme", "k2", "Lapsed", json!({"user_ids": ["bob"]})),
        ("acme", "k3", "Phones", json!({"device_ids": ["phone"]})),
    ] {
        let keys = json!({"partner_api_key": "p", "client_secret": "c", "cohort_id": id});
        let mut named = keys.clone();
        named["name"] = json!(name);
        named["created_at"] = json!("2026-01-01T00:00:00Z");
        let path = format!("/partners/{partner}/cohorts");
        assert_eq!(sandbox.braze(&path, &named).await.status, 201);
        let mut filled = keys;
        filled["cohort_changes"] = json!([change]);
        let path = format!("{path}/users");
        assert_eq!(sandbox.braze(&path, &filled).await.status, 201);
    }
    sandbox
}

#[tokio::test]
async fn size_export_and_words_agree_for_every_form() {
    let sandbox = peopled(|_| ()).await;
    let attribute = |test: &str, value: Value, name: &str| json!({"attribute": name, test: value});
    let vip = attribute("equals", json!(true), "vip");
    let forms = [
        (json!({"everybody": true}), "a1 b1 c1", "All users"),
        (
            json!({"external_ids": ["bob", "zoe"]}),
            "b1",
            "External User ID is any of 2 values",
        ),
        (
            json!({"amplitude_cohort": "k1"}),
            "a1",
            "Amplitude Cohorts includes k1",
        ),
        (
            json!({"cohort": "Lapsed"}),
            "a1 b1",
            "Cohorts includes Lapsed",
        ),
        (
            json!({"cohort": "Lapsed", "partner": "acme"}),
            "b1",
            "Acme Cohorts includes Lapsed",
        ),
        (json!({"cohort": "Phones"}), "c1", "Cohorts includes Phones"),
        (
            attribute("includes_value", json!("b"), "tags"),
            "a1 b1",
            "Custom Attribute tags includes value b",
        ),
        (
            attribute("does_not_include_value", json!("a"), "tags"),
            "b1 c1",
            "Custom Attribute tags does not include value a",
        ),
        (vip.clone(), "a1", "Custom Attribute vip is true"),
        (
            attribute("not_equal", json!(true), "vip"),
            "b1 c1",
            "Custom Attribute vip is not true",
        ),
        (
            attribute("exists", json!(false), "vip"),
            "c1",
            "Custom Attribute vip does not exist",
        ),
        (
            attribute("greater_than", json!(3), "orders"),
            "b1",
            "Custom Attribute orders is greater than 3",
        ),
        (
            attribute("less_than", json!(7), "orders"),
            "a1",
            "Custom Attribute orders is less than 7",
        ),
        (
            json!({"any_of": [vip, {"cohort": "k3"}], "none_of": [{"external_ids": ["ann"]}]}),
            "c1",
            "(Custom Attribute vip is true OR Cohorts includes k3) AND NOT (External User ID is any of 1 values)",
        ),
        (
            json!({"all_of": [{"cohort": "Lapsed"}, {"attribute": "vip", "equals": false}]}),
            "b1",
            "Cohorts includes Lapsed AND Custom Attribute vip is false",
        ),
    ];
    for (filter, people, words) in forms {
        let touched = click(&sandbox, json!([{"name": "form", "filter": filter}])).await;
        let id = touched[0]["id"].as_str().unwrap();
        assert_eq!(details(&sandbox, id).await["description"], words);
        let body = json!({"segment_id": id, "fields_to_export": ["braze_id"]});
        let users = exported(&sandbox, &body).await;
        let found: BTreeSet<&str> = users
            .iter()
            .map(|user| user["braze_id"].as_str().unwrap())
            .collect();
        assert_eq!(found, people.split(' ').collect(), "{filter}");
        assert_eq!(size(&sandbox, id).await, found.len(), "{filter}");
    }
    // Membership follows what is written and who is there.
    let everybody = click(
        &sandbox,
        json!([{"name": "all", "filter": {"everybody": true}}]),
    )
    .await;
    let id = everybody[0]["id"].as_str().unwrap();
    sandbox.track(json!([{"external_id": "new"}])).await;
    assert_eq!(size(&sandbox, id).await, 4);
    sandbox.own("DELETE", "braze/users/ann", "").await;
    assert_eq!(size(&sandbox, id).await, 3);
}

#[tokio::test]
async fn a_write_within_the_lag_is_not_in_a_segment() {
    let (hands, scenario) = (Hands::new(), scenario());
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    options.lag = Duration::from_secs(10);
    let sandbox = serving(options).await;
    click(
        &sandbox,
        json!([
            {"id": "vip", "name": "vip", "filter": {"attribute": "vip", "equals": true}},
            {"id": "all", "name": "all", "filter": {"everybody": true}},
        ]),
    )
    .await;
    let people = json!([{"external_id": "ann", "vip": true}, {"external_id": "new", "vip": true}]);
    sandbox.track(people).await;
    let sizes = async || (size(&sandbox, "vip").await, size(&sandbox, "all").await);
    assert_eq!(sizes().await, (json!(0), json!(3)));
    hands.forward(10);
    assert_eq!(sizes().await, (json!(2), json!(4)));
}

#[tokio::test]
async fn a_hundred_a_page_of_a_thousand_and_fifty() {
    let sandbox = fresh(|_| ()).await;
    let many: Vec<Value> = (0..1_050)
        .map(|number| json!({"name": format!("Segment {number}"), "tags": ["t"]}))
        .collect();
    let body = json!({"segments": many, "replace": true}).to_string();
    assert_eq!(
        sandbox.own("PUT", "braze/segments", &body).await.status,
        200
    );
    let (mut names, mut ids) = (Vec::new(), BTreeSet::new());
    for page in 0..12 {
        let list = get(&sandbox, &format!("/segments/list?page={page}"))
            .await
            .json();
        let listed = list["segments"].as_array().unwrap();
        let expected = [100, 50, 0][(page as usize).saturating_sub(9).min(2)];
        assert_eq!(listed.len(), expected, "page {page}");
        for segment in listed {
            names.push(segment["name"].as_str().unwrap().to_owned());
            ids.insert(segment["id"].as_str().unwrap().to_owned());
        }
    }
    let expected: Vec<String> = (0..1_050)
        .map(|number| format!("Segment {number}"))
        .collect();
    assert_eq!(names, expected, "oldest first");
    assert_eq!(ids.len(), 1_050);
    let parts: Vec<usize> = ids.first().unwrap().split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
    let last = get(&sandbox, "/segments/list?sort_direction=desc").await;
    assert_eq!(last.json()["segments"][0]["name"], "Segment 1049");
    let stats = sandbox.stats().await;
    assert_eq!(stats["requests"], json!({"GET /segments/list": 13}));
}

#[tokio::test]
async fn a_series_says_days_and_the_size_now_for_the_rest() {
    let sandbox = peopled(|_| ()).await;
    let sizes = json!({"2025-12-30": 12, "2025-12-31": 7});
    click(
        &sandbox,
        json!([
            {"id": "s1", "filter": {"cohort": "Lapsed"}, "sizes": sizes},
            {"id": "quiet", "name": "quiet", "analytics_tracking_enabled": false},
        ]),
    )
    .await;
    let series = async |query: &str| {
        let answer = get(&sandbox, &format!("/segments/data_series?{query}")).await;
        (answer.status, answer.json())
    };
    let day = |time: &str, size: u64| json!({"time": time, "size": size});
    let success = |data: Value| (200, json!({"message": "success", "data": data}));
    let three = json!([
        day("2025-12-30", 12),
        day("2025-12-31", 7),
        day("2026-01-01", 2)
    ]);
    assert_eq!(series("segment_id=s1&length=3").await, success(three));
    for ending in [
        "2025-12-30",
        "2025-12-30T23:59:59Z",
        "2025-12-30T10:00:00",
        "2025-12-31T01:00:00%2B02:00",
    ] {
        let two = json!([day("2025-12-29", 2), day("2025-12-30", 12)]);
        let query = format!("segment_id=s1&length=2&ending_at={ending}");
        assert_eq!(series(&query).await, success(two), "{ending}");
    }
    assert_eq!(
        series("segment_id=s2&length=1").await,
        success(json!([day("2026-01-01", 0)])),
        "without a filter"
    );
    assert_eq!(
        series("segment_id=quiet&length=5").await,
        success(json!([]))
    );
    let hundred = series("segment_id=s1&length=100").await.1;
    assert_eq!(hundred["data"].as_array().unwrap().len(), 100);
    for wrong in [
        "length=1",
        "segment_id=none&length=1",
        "segment_id=s1",
        "segment_id=s1&length=0",
        "segment_id=s1&length=101",
        "segment_id=s1&length=x",
        "segment_id=s1&length=1&ending_at=yesterday",
    ] {
        assert_eq!(series(wrong).await.0, 400, "{wrong}");
    }
    let headers = ["authorization: Bearer no-segments.data_series"];
    let path = "/segments/data_series?segment_id=s1&length=1";
    let answer = sandbox.send("GET", path, &headers, "").await.unwrap();
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn fields_as_asked_for() {
    let sandbox = peopled(|_| ()).await;
    click(
        &sandbox,
        json!([
            {"id": "s1", "filter": {"any_of": [{"external_ids": ["bob"]}, {"cohort": "Phones"}]}},
            {"id": "s2", "filter": null},
        ]),
    )
    .await;
    let of = async |mut body: Value| {
        body["segment_id"] = json!("s1");
        exported(&sandbox, &body).await
    };
    let alias = json!([{"alias_name": "B", "alias_label": "crm"}]);
    assert_eq!(
        of(json!({"fields_to_export": ["external_id", "user_aliases"], "output_format": "zip"}))
            .await,
        [
            json!({"external_id": "bob", "user_aliases": alias}),
            json!({})
        ],
        "everybody has a line"
    );
    let named = json!(["orders", "vip", "unknown"]);
    let cases = [
        (
            json!([]),
            json!({"custom_attributes": {"vip": false, "orders": 7}}),
        ),
        (
            json!(["external_id", "created_from"]),
            json!({"external_id": "bob", "custom_attributes": {"vip": false, "orders": 7}}),
        ),
        (
            json!(["custom_attributes"]),
            json!({"custom_attributes": {"vip": false, "orders": 7, "tags": ["b", "c"]}}),
        ),
    ];
    for (fields, expected) in cases {
        let body = json!({"fields_to_export": fields, "custom_attributes_to_export": named});
        assert_eq!(of(body).await, [expected, json!({})], "{fields}");
    }
    let body = json!({"segment_id": "s2", "fields_to_export": ["external_id"]});
    assert_eq!(
        exported(&sandbox, &body).await,
        [Value::Null; 0],
        "without a filter"
    );
    let many: Vec<String> = (0..501).map(|number| format!("a{number}")).collect();
    for wrong in [
        json!({"segment_id": "none", "fields_to_export": ["email"]}),
        json!({"fields_to_export": ["email"]}),
        json!({"segment_id": "s1"}),
        json!({"segment_id": "s1", "fields_to_export": []}),
        json!({"segment_id": "s1", "fields_to_export": "email"}),
        json!({"segment_id": "s1", "fields_to_export": ["Email"]}),
        json!({"segment_id": "s1", "fields_to_export": ["email"], "output_format": "csv"}),
        json!({"segment_id": "s1", "fields_to_export": ["email"], "callback_endpoint": 7}),
        json!({"segment_id": "s1", "fields_to_export": ["email"], "custom_attributes_to_export": [7]}),
        json!({"segment_id": "s1", "fields_to_export": ["email"], "custom_attributes_to_export": many}),
    ] {
        let answer = sandbox.braze("/users/export/segment", &wrong).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    for (key, path) in [
        ("no-users.export.segment", "/users/export/segment"),
        ("no-segments.list", "/export/segment/cancel"),
    ] {
        let bearer = format!("authorization: Bearer {key}");
        let headers = [&*bearer, "content-type: application/json"];
        let body = json!({"segment_id": "s1", "fields_to_export": ["email"]}).to_string();
        let answer = sandbox.send("POST", path, &headers, &body).await.unwrap();
        assert_eq!(answer.status, 403, "{path}");
    }
}

#[tokio::test]
async fn twelve_thousand_people_are_several_files() {
    let scenario = scenario();
    let lines: Vec<String> = (0..12_000)
        .map(|number| {
            json!({"external_id": format!("p{number}"), "braze_id": number.to_string()}).to_string()
        })
        .collect();
    write(scenario.path(), "braze/users.jsonl", &lines.join("\n"));
    let mut options = Hands::new().options();
    options.scenario = Some(scenario.path().to_owned());
    let sandbox = serving(options).await;
    click(
        &sandbox,
        json!([{"id": "s1", "filter": {"everybody": true}}]),
    )
    .await;
    let archive = fetch(&sandbox, &file(&export(&sandbox, "s1").await)).await;
    let files = unpacked(&archive.body);
    let counts: Vec<usize> = files.iter().map(Vec::len).collect();
    assert_eq!(counts, [5_000, 5_000, 2_000]);
    let ids: BTreeSet<String> = files.concat().iter().map(Value::to_string).collect();
    assert_eq!(ids.len(), 12_000);
    assert_eq!(size(&sandbox, "s1").await, 12_000);
}

#[tokio::test]
async fn not_ready_then_ready_then_gone() {
    let (hands, scenario) = (Hands::new(), scenario());
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    options.limits = Limits::Real;
    options.job_time = Some(Duration::from_mins(1));
    let sandbox = serving(options).await;
    for id in ["s1", "s2"] {
        click(&sandbox, json!([{"id": id, "filter": {"everybody": true}}])).await;
    }
    let status = async |path: &str, headers: &[&str]| {
        sandbox.send("GET", path, headers, "").await.unwrap().status
    };
    let first = export(&sandbox, "s1").await;
    assert_eq!(first.header("x-ratelimit-limit"), Some("250000"));
    let told = first.json();
    assert_eq!(told["message"], "success");
    assert_eq!(told["object_prefix"].as_str().unwrap().len(), 36 + 1 + 10);
    assert!(
        told["url"]
            .as_str()
            .unwrap()
            .starts_with(&sandbox.running.url())
    );
    let path = file(&first);
    assert_eq!(status(&path, &[]).await, 403);
    // One at a time of a segment; another one may run.
    assert_eq!(export(&sandbox, "s1").await.status, 429);
    let other = file(&export(&sandbox, "s2").await);
    assert_ne!(path, other);
    hands.forward(60);
    assert_eq!(fetch(&sandbox, &path).await.status, 200);
    assert_eq!(
        status(&path, &[BEARER]).await,
        400,
        "a key is nobody's business there"
    );
    let second = file(&export(&sandbox, "s1").await);
    assert_ne!(path, second, "ready, so it may be exported again");
    // Cancelled, it never comes, and the next may start.
    let cancel = json!({"segment_id": "s1"});
    assert_eq!(
        sandbox
            .braze("/export/segment/cancel", &cancel)
            .await
            .status,
        201
    );
    hands.forward(3_600);
    assert_eq!(status(&second, &[]).await, 403);
    assert_eq!(status(&path, &[]).await, 200, "what was ready stays");
    hands.forward(3 * 3_600 - 1);
    assert_eq!(status(&path, &[]).await, 200);
    hands.forward(1);
    assert_eq!(
        status(&path, &[]).await,
        404,
        "four hours after it was ready"
    );
    assert_eq!(status("/segment-exports/guess.zip", &[]).await, 404);
    assert_eq!(export(&sandbox, "s1").await.status, 201);
    let none = json!({"segment_id": "none"});
    assert_eq!(
        sandbox.braze("/export/segment/cancel", &none).await.status,
        400
    );
    let counted = sandbox.stats().await;
    assert_eq!(counted["requests"]["POST /users/export/segment"], 5);
    assert_eq!(counted["rejected"]["POST /users/export/segment 429"], 1);
    assert_eq!(counted["rejected"]["GET /segment-exports/{name} 404"], 2);
    // Faults meet the address as they meet any other.
    let spec = json!({"spec": "503:1@/segment-exports"}).to_string();
    sandbox.own("POST", "faults", &spec).await;
    assert_eq!(status(&path, &[]).await, 503);
}

#[tokio::test]
async fn a_click_changes_what_it_names() {
    let hands = Hands::new();
    let scenario = scenario();
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    let sandbox = serving(options).await;
    hands.forward(5);
    let (now, later) = ("2026-01-01T00:00:05+00:00", "2026-01-01T00:01:05+00:00");
    let touched = click(
        &sandbox,
        json!([{"name": "Fresh", "filter": {"everybody": true}}]),
    )
    .await;
    let id = touched[0]["id"].as_str().unwrap().to_owned();
    let fresh = |updated: &str, description: &str, tags: Value| {
        json!({
            "message": "success", "name": "Fresh", "created_at": now, "updated_at": updated,
            "description": description, "text_description": "", "tags": tags, "teams": [],
        })
    };
    assert_eq!(
        details(&sandbox, &id).await,
        fresh(now, "All users", json!([]))
    );
    hands.forward(60);
    // What nobody can click in the builder is no new version.
    click(
        &sandbox,
        json!([{"name": "Fresh", "sizes": {"2026-01-01": 5}}]),
    )
    .await;
    assert_eq!(details(&sandbox, &id).await["updated_at"], now);
    let edit = json!([{"name": "Fresh", "description": "by hand", "tags": ["x"]}]);
    assert_eq!(
        click(&sandbox, edit).await,
        json!([{"id": id, "name": "Fresh"}])
    );
    assert_eq!(
        details(&sandbox, &id).await,
        fresh(later, "by hand", json!(["x"]))
    );
    // A new filter is described anew; null takes a member away.
    click(
        &sandbox,
        json!([{"id": id, "filter": {"cohort": "c"}, "sizes": null}]),
    )
    .await;
    let cohort = details(&sandbox, &id).await;
    assert_eq!(cohort["description"], "Cohorts includes c");
    assert_eq!(size(&sandbox, &id).await, 0);
}

/// The names of the list's first page, in its order.
async fn names(sandbox: &Sandbox) -> String {
    let list = get(sandbox, "/segments/list").await.json();
    let listed = list["segments"].as_array().unwrap();
    let names: Vec<&str> = listed
        .iter()
        .map(|segment| segment["name"].as_str().unwrap())
        .collect();
    names.join(" ")
}

#[tokio::test]
async fn archived_deleted_replaced_and_refused() {
    let sandbox = fresh(|_| ()).await;
    click(&sandbox, json!([{"name": "Fresh"}])).await;
    assert_eq!(names(&sandbox).await, "Old New Fresh");
    click(
        &sandbox,
        json!([{"name": "Old", "archived": true}, {"id": "s2", "deleted": true}]),
    )
    .await;
    assert_eq!(names(&sandbox).await, "Fresh");
    assert_eq!(
        details(&sandbox, "s1").await["name"],
        "Old",
        "archived is not gone"
    );
    let gone = get(&sandbox, "/segments/details?segment_id=s2").await;
    assert_eq!(gone.status, 400);
    // Two of one name, by their ids; a name means the one that is listed.
    click(
        &sandbox,
        json!([{"id": "again", "name": "Old"}, {"name": "Old", "tags": ["y"]}]),
    )
    .await;
    assert_eq!(details(&sandbox, "again").await["tags"], json!(["y"]));
    assert_eq!(details(&sandbox, "s1").await["tags"], json!(["x"]));
    click(&sandbox, json!([{"id": "s1", "archived": false}])).await;
    assert_eq!(names(&sandbox).await, "Old Fresh Old");

    let before = sandbox.own("GET", "braze/segments", "").await.json();
    for wrong in [
        json!({"segments": 7}),
        json!([]),
        json!({"segments": [7]}),
        json!({"segments": [{"tags": []}]}),
        json!({"segments": [{"id": "new"}]}),
        json!({"segments": [{"name": "Good"}, {"name": "Old", "colour": "red"}]}),
        json!({"segments": [{"name": "Good"}, {"name": "Nobody", "deleted": true}]}),
        json!({"segments": [{"name": "Old", "filter": {"every_body": true}}]}),
        json!({"segments": [{"name": "Old", "sizes": {"today": 1}}]}),
    ] {
        let answer = sandbox
            .own("PUT", "braze/segments", &wrong.to_string())
            .await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    assert_eq!(
        sandbox.own("GET", "braze/segments", "").await.json(),
        before,
        "all or nothing"
    );
    let body = json!({"segments": [{"name": "Only"}], "replace": true}).to_string();
    assert_eq!(
        sandbox.own("PUT", "braze/segments", &body).await.status,
        200
    );
    assert_eq!(names(&sandbox).await, "Only");
}

#[tokio::test]
async fn a_reopened_world_has_the_same_segments() {
    let (dir, scenario) = (tempfile::tempdir().unwrap(), scenario());
    let open = async |scenario: Option<&Path>| kept(dir.path(), scenario).await;
    let sandbox = open(Some(scenario.path())).await;
    click(
        &sandbox,
        json!([
            {"name": "Fresh", "filter": {"attribute": "tags", "includes_value": "a"}, "sizes": {"2025-12-31": 3}},
            {"name": "New", "archived": true}, {"id": "s1", "deleted": true},
        ]),
    )
    .await;
    let path = file(&export(&sandbox, "s2").await);
    let kept = sandbox.own("GET", "braze/segments", "").await.json();
    sandbox.running.stop().await;
    let sandbox = open(None).await;
    assert_eq!(sandbox.own("GET", "braze/segments", "").await.json(), kept);
    let id = kept["segments"][2]["id"].as_str().unwrap();
    assert_eq!(size(&sandbox, id).await, 1);
    let gone = sandbox.send("GET", &path, &[], "").await.unwrap();
    assert_eq!(gone.status, 404, "an export ends with the process");
    sandbox.running.stop().await;

    // A scenario whose filter cannot be read makes no world.
    let segments = json!({"segments": [{"id": "s1", "name": "Old", "filter": {"any": []}}]});
    write(
        scenario.path(),
        "braze/segments.json",
        &segments.to_string(),
    );
    for world in [None, Some(dir.path().join("other"))] {
        let mut options = Hands::new().options();
        options.world = world;
        options.scenario = Some(scenario.path().to_owned());
        let error = start("127.0.0.1:0".parse().unwrap(), options)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Content { problem, .. } if problem.contains("\"Old\"") && problem.contains("`any`")),
            "{error}"
        );
    }
    assert!(!dir.path().join("other/world.json").exists());
}
