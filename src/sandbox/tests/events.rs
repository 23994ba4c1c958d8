//! The Export API: hours, parts, members, delays, what is served as it is.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
};

use serde_json::{Value, json};

use super::{Hands, client::Sandbox, fresh, kept, scenario, serving, write};
use crate::sandbox::Limits;

const NOTHING: &str = "Raw data files were not found.";

fn line(time: &str, number: usize) -> String {
    json!({"event_type": "Order", "server_upload_time": time, "uuid": format!("u{number}"), "user_id": "ann"}).to_string()
}

async fn export(
    sandbox: &Sandbox,
    range: [&str; 2],
) -> Result<BTreeMap<String, Vec<String>>, (u16, String)> {
    let [start, end] = range;
    let answer = sandbox
        .amplitude(&format!("/api/2/export?start={start}&end={end}"))
        .await;
    if answer.status != 200 {
        return Err((answer.status, String::from_utf8(answer.body).unwrap()));
    }
    assert_eq!(answer.header("content-type"), Some("application/zip"));
    let mut archive = zip::ZipArchive::new(Cursor::new(answer.body)).unwrap();
    let mut members = BTreeMap::new();
    for place in 0..archive.len() {
        let mut member = archive.by_index(place).unwrap();
        let name = member.name().unwrap().into_owned();
        assert_eq!(
            member.is_dir(),
            place == 0,
            "the directory is first: {name}"
        );
        if member.is_file() {
            let mut text = String::new();
            flate2::read::GzDecoder::new(&mut member)
                .read_to_string(&mut text)
                .unwrap();
            members.insert(name, text.lines().map(str::to_owned).collect());
        }
    }
    Ok(members)
}

fn some(text: &str) -> Result<BTreeMap<String, Vec<String>>, (u16, String)> {
    Err((404, text.to_owned()))
}

#[tokio::test]
async fn exports_hours_in_parts() {
    let (scenario, hands) = (scenario(), Hands::new());
    let first: Vec<String> = (0..4001)
        .map(|number| line("2025-12-30 00:59:59.999999", number))
        .collect();
    write(
        scenario.path(),
        "amplitude/events/1.jsonl",
        &first.join("\n"),
    );
    let mut second = vec![
        line("2025-12-30T01:00:00Z", 1),
        "{\"event_type\": torn".to_owned(),
    ];
    second.push(line("2025-12-31 23:00:00.000000", 2));
    write(
        scenario.path(),
        "amplitude/events/2.jsonl",
        &second.join("\n"),
    );
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    let sandbox = serving(options).await;
    let members = export(&sandbox, ["20251230T00", "20251231T23"])
        .await
        .unwrap();
    let sizes: Vec<(&str, usize)> = members
        .iter()
        .map(|(name, lines)| (name.as_str(), lines.len()))
        .collect();
    assert_eq!(
        sizes,
        [
            ("153957/153957_2025-12-30_0#0.json.gz", 2000),
            ("153957/153957_2025-12-30_0#1.json.gz", 2000),
            ("153957/153957_2025-12-30_0#2.json.gz", 1),
            ("153957/153957_2025-12-30_1#0.json.gz", 2),
        ],
        "the last hour is not there yet"
    );
    let lines = &members["153957/153957_2025-12-30_1#0.json.gz"];
    let event: Value = lines[0].parse().unwrap();
    assert_eq!(event.as_object().unwrap().len(), 55);
    assert_eq!(
        (&event["uuid"], &event["$insert_id"]),
        (&json!("u1"), &Value::Null)
    );
    assert_eq!(
        lines[1], second[1],
        "served as it is, in the hour before it"
    );
    let empty = ["20251231T22", "20251231T23"];
    assert_eq!(export(&sandbox, empty).await, some(NOTHING));
    hands.forward(2 * 3600 - 1);
    assert_eq!(export(&sandbox, empty).await, some(NOTHING));
    hands.forward(1);
    assert_eq!(export(&sandbox, empty).await.unwrap().len(), 1);
}

#[tokio::test]
async fn refuses_ranges_and_keys() {
    let sandbox = fresh(|options| options.export_limit = 2000).await;
    let status = async |query: &str| {
        sandbox
            .amplitude(&format!("/api/2/export?{query}"))
            .await
            .status
    };
    for query in [
        "",
        "start=20251230T00",
        "start=20251230&end=20251231",
        "start=20251230T01&end=20251230T00",
        "start=20241230T00&end=20251230T00",
        "start=20251230T24&end=20251231T00",
    ] {
        assert_eq!(status(query).await, 400, "{query}");
    }
    assert_eq!(
        status("start=20241230T00&end=20251229T23").await,
        404,
        "365 days"
    );
    for key in ["authorization: Basic YmFkOmJhZA==", "x: y"] {
        let answer = sandbox
            .send(
                "GET",
                "/api/2/export?start=20251230T00&end=20251230T00",
                &[key],
                "",
            )
            .await
            .unwrap();
        assert_eq!(
            (answer.status, &*answer.body),
            (403, &b"Invalid API Key"[..])
        );
    }
    let add = async |hour: &str, body: &str| {
        sandbox
            .own("POST", &format!("amplitude/events{hour}"), body)
            .await
            .status
    };
    let two = format!(
        "{}\n\n{}\n",
        line("2025-12-30 00:00:00.000000", 1),
        line("2025-12-30 01:00:00.000000", 2)
    );
    assert_eq!(add("", &two).await, 200);
    assert_eq!(add("", &format!("{two}not json")).await, 400, "all or none");
    assert_eq!(add("?hour=2025", "not json").await, 400);
    assert_eq!(add("?hour=20251230T02", "not json").await, 200);
    let range = ["20251230T00", "20251230T02"];
    assert_eq!(
        export(&sandbox, range).await.unwrap_err().0,
        400,
        "over the limit"
    );
    for (hour, lines) in [("20251230T00", 1), ("20251230T01", 1), ("20251230T02", 1)] {
        let members = export(&sandbox, [hour, hour]).await.unwrap();
        assert_eq!(
            members.values().map(Vec::len).sum::<usize>(),
            lines,
            "{hour}"
        );
    }
    sandbox
        .own("POST", "faults", "{\"spec\": \"garbage:1@/api/2/export\"}")
        .await;
    let answer = sandbox
        .amplitude("/api/2/export?start=20251230T00&end=20251230T00")
        .await;
    assert!(answer.status == 200 && !answer.body.starts_with(b"PK"));
    for (fault, status) in [(401, 403), (403, 403), (429, 429), (500, 500), (503, 503)] {
        sandbox
            .own("POST", "faults", &format!("{{\"spec\": \"{fault}:1\"}}"))
            .await;
        assert_eq!(sandbox.amplitude("/api/2/export").await.status, status);
    }
}

#[tokio::test]
async fn a_scenario_replaces_events_and_a_world_keeps_them() {
    let (dir, scenario) = (tempfile::tempdir().unwrap(), scenario());
    let open = async || kept(dir.path(), Some(scenario.path())).await;
    write(
        scenario.path(),
        "amplitude/events/1.jsonl",
        &line("2025-12-30 00:00:00.000000", 1),
    );
    let sandbox = open().await;
    sandbox
        .own(
            "POST",
            "amplitude/events",
            &line("2025-12-30 00:30:00.000000", 2),
        )
        .await;
    let event = json!({"user_id": "annabel", "event_type": "Open", "insert_id": "i1"});
    let sent = json!({"api_key": "key", "events": [event]});
    assert_eq!(sandbox.ingest("/batch", &sent).await.status, 200);
    let hour = ["20251230T00", "20251230T00"];
    let before = export(&sandbox, hour).await.unwrap();
    assert_eq!(before.values().next().unwrap().len(), 2);
    sandbox.running.stop().await;
    let sandbox = open().await;
    assert_eq!(export(&sandbox, hour).await.unwrap(), before);
    write(
        scenario.path(),
        "amplitude/events/1.jsonl",
        &line("2025-12-30 02:00:00.000000", 3),
    );
    let body = json!({"dir": scenario.path()}).to_string();
    assert_eq!(sandbox.own("POST", "scenario", &body).await.status, 200);
    assert_eq!(export(&sandbox, hour).await, some(NOTHING));
    assert_eq!(
        export(&sandbox, ["20251230T02", "20251230T02"])
            .await
            .unwrap()
            .len(),
        1
    );
    let taken = sandbox.own("GET", "amplitude/events", "").await.json();
    assert_eq!(taken, json!({"events": [event]}), "what was taken in stays");
    write(scenario.path(), "amplitude/events/1.jsonl", "not json\n");
    assert_eq!(
        sandbox.own("POST", "scenario", &body).await.status,
        400,
        "nobody knows its hour"
    );
    sandbox.running.stop().await;
    let sandbox = open().await;
    assert_eq!(
        export(&sandbox, ["20251230T02", "20251230T02"])
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn five_at_once() {
    let sandbox = fresh(|options| options.limits = Limits::Real).await;
    sandbox
        .own("POST", "faults", "{\"spec\": \"slow:1\"}")
        .await;
    let asked =
        (0..6).map(|_| sandbox.amplitude("/api/2/export?start=20251230T00&end=20251230T00"));
    let answers = futures_util::future::join_all(asked).await;
    let many = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!(many, 1);
}
