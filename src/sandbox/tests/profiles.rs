//! Amplitude's User Profile API: who may ask, what is told, how often, and what a restart keeps.

use std::{fs, io::Write, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    Hands,
    client::{Answer, Sandbox},
    scenario, serving, write,
};
use crate::sandbox::{Error, Limits, start};

const UNKNOWN: &str = "User id and device id not seen before";

fn ann() -> Value {
    json!({
        "user_id": "ann", "device_id": "d-1", "amp_props": {"tier": "gold", "orders": 12, "vip": true},
        "recommendations": [
            {"rec_id": "r1", "child_rec_id": "r1", "items": ["cookie", "cracker"], "is_control": false,
             "recommendation_source": "model", "last_updated": 1_608_670_720},
            {"rec_id": "r2", "child_rec_id": "r2", "items": [], "is_control": true,
             "recommendation_source": "random", "last_updated": 1_608_670_720},
        ],
        "cohort_ids": ["first"],
        "computations": {"t14bqib": {"name": "ltv", "value": "5000000.0"}, "c2": {"name": "days", "value": "3"}},
        "predictions": {"0x10x": {"score": 0.5, "pct": 83}},
    })
}

/// Ann with everything, bob with nothing but a computation in its short form, and somebody without a user id.
fn people() -> TempDir {
    let dir = scenario();
    let bob =
        json!({"user_id": "bob", "device_id": null, "computations": {"c2": null, "short": "1.50"}});
    let nobody = json!({"device_id": "d-3", "amp_props": {"tier": "new"}});
    let lines = format!("{}\n\n{bob}\n{nobody}", ann());
    write(dir.path(), "amplitude/profiles.jsonl", &lines);
    dir
}

async fn open(world: Option<&Path>, scenario: Option<&Path>) -> Sandbox {
    let mut options = Hands::new().options();
    options.world = world.map(Path::to_owned);
    options.scenario = scenario.map(Path::to_owned);
    serving(options).await
}

async fn ask(sandbox: &Sandbox, query: &str) -> Answer {
    let key = ["authorization: Api-Key secret"];
    let path = format!("/v1/userprofile?{query}");
    sandbox.send("GET", &path, &key, "").await.unwrap()
}

async fn told(sandbox: &Sandbox, query: &str) -> Value {
    let answer = ask(sandbox, query).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    answer.json()["userData"].take()
}

#[tokio::test]
async fn tells_what_is_asked_and_always_five_members() {
    let scenario = people();
    let sandbox = open(None, Some(scenario.path())).await;
    let ids = json!({"user_id": "ann", "device_id": "d-1"});
    let whole = |more: Value| {
        let mut data = json!({"recommendations": null, "amp_props": null, "cohort_ids": null});
        for part in [&ids, &more] {
            for (name, value) in part.as_object().unwrap() {
                data[name] = value.clone();
            }
        }
        data
    };
    let props = json!({"tier": "gold", "orders": 12, "vip": true});
    let (first, second) = (&ann()["recommendations"][0], &ann()["recommendations"][1]);
    let cases = [
        ("", json!({})),
        ("&get_amp_props=true", json!({"amp_props": props})),
        ("&get_amp_props=false&get_computations=1", json!({})),
        (
            "&get_computations=true",
            json!({"amp_props": {"ltv": "5000000.0", "days": "3"}}),
        ),
        (
            "&comp_id=t14bqib",
            json!({"amp_props": {"ltv": "5000000.0"}}),
        ),
        (
            "&comp_id=c2,t14bqib,nothing,short",
            json!({"amp_props": {"days": "3", "ltv": "5000000.0", "nothing": null, "short": null}}),
        ),
        (
            "&get_amp_props=true&comp_id=c2",
            json!({"amp_props": {"tier": "gold", "orders": 12, "vip": true, "days": "3"}}),
        ),
        ("&get_recs=true", json!({})),
        ("&get_recs=true&rec_id=r9", json!({})),
        (
            "&get_recs=true&rec_id=r1",
            json!({"recommendations": [first]}),
        ),
        (
            "&rec_id=r2,r9,r1",
            json!({"recommendations": [second, first]}),
        ),
        ("&get_cohort_ids=true", json!({"cohort_ids": ["first"]})),
        (
            "&get_propensity=&prediction_id=0x10x",
            json!({"propensity": 0.5, "propensities": [{"prop": 0.5, "pred_id": "0x10x", "prop_type": "score"}]}),
        ),
        (
            "&get_propensity=true&prediction_id=0x10x,none&propensity_type=pct",
            json!({"propensity": 83, "propensities": [{"prop": 83, "pred_id": "0x10x", "prop_type": "pct"}]}),
        ),
    ];
    for (query, more) in cases {
        let data = told(&sandbox, &format!("user_id=ann{query}")).await;
        assert_eq!(data, whole(more), "{query}");
    }
    let random = told(
        &sandbox,
        "user_id=ann&get_recs=true&rec_id=r1&rec_type=random",
    )
    .await;
    assert_eq!(random["recommendations"][0]["is_control"], true);
    // Whoever has the computation tells its name to those who ask for somebody else.
    let bob = told(
        &sandbox,
        "user_id=bob&comp_id=t14bqib,c2,short&get_cohort_ids=true",
    )
    .await;
    assert_eq!(
        bob["amp_props"],
        json!({"ltv": null, "days": null, "short": "1.50"})
    );
    assert_eq!(
        (&bob["device_id"], &bob["cohort_ids"]),
        (&Value::Null, &json!([]))
    );
    let anonymous = told(&sandbox, "device_id=d-3&get_amp_props=true").await;
    assert_eq!(anonymous["amp_props"], json!({"tier": "new"}));
    assert_eq!(anonymous["user_id"], Value::Null);
    assert_eq!(
        told(&sandbox, "user_id=gone&device_id=d-1").await["user_id"],
        "ann"
    );
    let stats = sandbox.stats().await;
    assert_eq!(stats["requests"], json!({"GET /v1/userprofile": 18}));
}

#[tokio::test]
async fn refuses_strangers_and_unknown_people() {
    let scenario = people();
    let sandbox = open(None, Some(scenario.path())).await;
    let path = "/v1/userprofile?user_id=ann";
    let missing = "Missing Api-Key in Authorization header";
    let cases: [(&[&str], &str); 5] = [
        (&[], missing),
        (&["authorization: Basic a2V5OnNlY3JldA=="], missing),
        (&["authorization: Api-Key"], missing),
        (&["authorization: Api-Key "], missing),
        (&["authorization: Api-Key bad"], "Invalid Api-Key"),
    ];
    for (headers, text) in cases {
        let answer = sandbox.send("GET", path, headers, "").await.unwrap();
        assert_eq!(answer.status, 401, "{headers:?}");
        assert_eq!(String::from_utf8(answer.body).unwrap(), text, "{headers:?}");
    }
    for query in [
        "user_id=zoe",
        "device_id=ann",
        "user_id=",
        "",
        "user_id=ANN",
    ] {
        let answer = ask(&sandbox, query).await;
        assert_eq!(
            (answer.status, answer.json()),
            (404, json!({"error": UNKNOWN})),
            "{query}"
        );
    }
    for (method, path) in [("POST", "/v1/userprofile"), ("GET", "/v1/userprofiles")] {
        let answer = sandbox.send(method, path, &[], "").await.unwrap();
        assert_eq!(
            (answer.status, answer.body.len()),
            (404, 0),
            "{method} {path}"
        );
    }
    for (spec, status, body) in [
        ("401:1@/v1/userprofile", 401, "Invalid Api-Key".to_owned()),
        (
            "500:1@/v1",
            500,
            json!({"error": "Internal Server Error"}).to_string(),
        ),
        ("429:1", 429, json!({"error": OVER}).to_string()),
    ] {
        sandbox
            .own("POST", "faults", &json!({"spec": spec}).to_string())
            .await;
        let answer = ask(&sandbox, "user_id=ann").await;
        assert_eq!(
            (answer.status, String::from_utf8(answer.body).unwrap()),
            (status, body)
        );
    }
    // Without a file of profiles, nobody is known.
    let empty = super::fresh(|_| ()).await;
    assert_eq!(ask(&empty, "user_id=ann").await.status, 404);
}

const OVER: &str = "Number of requests per minute exceeds system limit. Contact Support if you need this limit raised";

/// Any minute, not a minute of the clock; whoever is refused does not count.
#[tokio::test]
async fn six_hundred_in_any_minute() {
    let (hands, scenario) = (Hands::new(), people());
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    options.limits = Limits::Real;
    let sandbox = serving(options).await;
    sandbox
        .send("GET", "/v1/userprofile?user_id=ann", &[], "")
        .await;
    hands.forward(30);
    for number in 0..600 {
        if number == 400 {
            hands.forward(20);
        }
        let wanted = if number % 2 == 0 {
            ("ann", 200)
        } else {
            ("zoe", 404)
        };
        assert_eq!(
            ask(&sandbox, &format!("user_id={}", wanted.0)).await.status,
            wanted.1
        );
    }
    let over = ask(&sandbox, "user_id=ann").await;
    assert_eq!((over.status, over.json()), (429, json!({"error": OVER})));
    hands.forward(39);
    assert_eq!(ask(&sandbox, "user_id=ann").await.status, 429);
    hands.forward(1);
    for _ in 0..400 {
        assert_eq!(ask(&sandbox, "user_id=ann").await.status, 200);
    }
    assert_eq!(ask(&sandbox, "user_id=ann").await.status, 429);
}

#[tokio::test]
async fn a_person_is_replaced_and_a_restart_keeps_it() {
    let (dir, scenario) = (tempfile::tempdir().unwrap(), people());
    let sandbox = open(Some(dir.path()), Some(scenario.path())).await;
    assert_eq!(
        sandbox
            .own("GET", "amplitude/profiles/ann", "")
            .await
            .json(),
        ann()
    );
    assert_eq!(
        sandbox
            .own("GET", "amplitude/profiles/zoe", "")
            .await
            .status,
        404
    );
    let put = async |sandbox: &Sandbox, user: &str, body: &str| {
        let path = format!("amplitude/profiles/{user}");
        sandbox.own("PUT", &path, body).await.status
    };
    let moved = "{\n  \"device_id\": \"d-9\", \"amp_props\": {\"tier\": \"none\"}\n}";
    assert_eq!(put(&sandbox, "ann", moved).await, 200);
    assert_eq!(
        put(&sandbox, "new%20one", "{\"user_id\": \"new one\"}").await,
        200
    );
    for wrong in [
        "[]",
        "{\"user_id\": \"bob\"}",
        "{\"computations\": {\"c\": 5}}",
    ] {
        assert_eq!(put(&sandbox, "ann", wrong).await, 400, "{wrong}");
    }
    let seen = async |sandbox: &Sandbox| {
        let ann = told(sandbox, "device_id=d-9&get_amp_props=true").await;
        assert_eq!(
            (&ann["user_id"], &ann["amp_props"]),
            (&json!("ann"), &json!({"tier": "none"}))
        );
        assert_eq!(
            ask(sandbox, "device_id=d-1").await.status,
            404,
            "no longer hers"
        );
        assert_eq!(ask(sandbox, "user_id=new%20one").await.status, 200);
        assert_eq!(ask(sandbox, "user_id=bob").await.status, 200);
    };
    seen(&sandbox).await;
    sandbox.running.stop().await;
    // A kill in the middle of a line.
    let is_file = |path: &Path| path.extension().is_some_and(|ending| ending == "jsonl");
    let mut files = fs::read_dir(dir.path().join("cohorts")).unwrap();
    let path = files.find_map(|entry| Some(entry.unwrap().path()).filter(|path| is_file(path)));
    let mut file = fs::File::options()
        .append(true)
        .open(path.unwrap())
        .unwrap();
    file.write_all(b"{\"user_id\": \"ann\", \"amp_").unwrap();
    drop(file);
    let sandbox = open(Some(dir.path()), None).await;
    seen(&sandbox).await;
    assert_eq!(put(&sandbox, "zoe", "{}").await, 200);
    sandbox.running.stop().await;
    let sandbox = open(Some(dir.path()), None).await;
    seen(&sandbox).await;
    assert_eq!(ask(&sandbox, "user_id=zoe").await.status, 200);
}

#[tokio::test]
async fn a_scenario_replaces_the_profiles_whole_or_not_at_all() {
    let (dir, scenario) = (tempfile::tempdir().unwrap(), people());
    let sandbox = open(Some(dir.path()), Some(scenario.path())).await;
    let load = async |text: Option<&str>| {
        let next = super::scenario();
        if let Some(text) = text {
            write(next.path(), "amplitude/profiles.jsonl", text);
        }
        let body = json!({"dir": next.path()}).to_string();
        sandbox.own("POST", "scenario", &body).await
    };
    let bad = [
        ("{\"user_id\": \"a\"}\nno\n", 2, "not a JSON object"),
        (
            "\n\n{\"amp_props\": {}}\n",
            3,
            "neither a `user_id` nor a `device_id`",
        ),
        ("{\"user_id\": 7}", 1, "`user_id` is not a text"),
        (
            "{\"user_id\": \"a\", \"amp_props\": []}",
            1,
            "`amp_props` is not an object",
        ),
        (
            "{\"user_id\": \"a\", \"cohort_ids\": {}}",
            1,
            "`cohort_ids` is not an array",
        ),
        (
            "{\"user_id\": \"a\", \"recommendations\": [{}]}",
            1,
            "a recommendation without a `rec_id`",
        ),
        (
            "{\"user_id\": \"a\", \"computations\": {\"c1\": 5}}",
            1,
            "`computations.c1` is not a text or",
        ),
        (
            "{\"user_id\": \"a\", \"computations\": {\"c1\": {\"value\": \"5\"}}}",
            1,
            "`computations.c1` is not",
        ),
    ];
    for (text, line, problem) in bad {
        let answer = load(Some(text)).await;
        let said = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.status, 400, "{text}");
        assert!(
            said.contains(&format!("profiles.jsonl:{line}: {problem}")),
            "{said}"
        );
        assert_eq!(told(&sandbox, "user_id=ann").await["device_id"], "d-1");
    }
    assert_eq!(load(Some("{\"user_id\": \"zoe\"}")).await.status, 200);
    assert_eq!(ask(&sandbox, "user_id=ann").await.status, 404);
    assert_eq!(ask(&sandbox, "user_id=zoe").await.status, 200);
    assert_eq!(load(None).await.status, 200);
    assert_eq!(ask(&sandbox, "user_id=zoe").await.status, 404);
    let own = sandbox.own("PUT", "amplitude/profiles/eve", "{}").await;
    assert_eq!(own.status, 200);
    sandbox.running.stop().await;
    let sandbox = open(Some(dir.path()), None).await;
    assert_eq!(ask(&sandbox, "user_id=eve").await.status, 200);
    assert_eq!(ask(&sandbox, "user_id=zoe").await.status, 404);
    let broken = people();
    write(
        broken.path(),
        "amplitude/profiles.jsonl",
        "{\"user_id\": \"a\"}\n\u{1}",
    );
    let mut options = Hands::new().options();
    options.scenario = Some(broken.path().to_owned());
    let refused = start("127.0.0.1:0".parse().unwrap(), options).await;
    assert!(
        matches!(refused, Err(Error::Content { line: Some(2), .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_hundred_thousand_people() {
    let scenario = super::scenario();
    let line = |number: usize| {
        format!(
            "{{\"user_id\":\"u{number}\",\"device_id\":\"d{number}\",\"computations\":{{\"c\":\"{number}\"}}}}\n"
        )
    };
    let lines: String = (0..100_000).map(line).collect();
    write(scenario.path(), "amplitude/profiles.jsonl", &lines);
    let sandbox = open(None, Some(scenario.path())).await;
    let last = told(&sandbox, "user_id=u99999&comp_id=c").await;
    assert_eq!(last["amp_props"], json!({"c": "99999"}));
    assert_eq!(told(&sandbox, "device_id=d0").await["user_id"], "u0");
}
