//! `validate --online`: what the services say about keys, cohorts and quota, all of it at once and each at its place.

use std::fs;

use serde_json::{Value, json};

use crate::support::binary::{Run, run};
use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::http::{serve, serve_whole};
use crate::support::project::{OPEN, Project, array, flag, import, yaml};
use crate::support::world::World;

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(500))
}

const ONLINE: [&str; 2] = ["validate", "--online"];

fn two() -> Project {
    Project::new(vec![
        flag("Big spenders", "bigspnd"),
        array("Repeat buyers", "repeat1"),
    ])
}

/// An entry of the list as it is.
fn entry(id: &str) -> Value {
    let list: Value = serde_json::from_str(&june().files["amplitude/cohorts.json"]).unwrap();
    let cohorts = list["cohorts"].as_array().unwrap();
    cohorts.iter().find(|one| one["id"] == id).unwrap().clone()
}

/// The findings of a run, as `file:line:column severity code`.
#[track_caller]
fn found(run: &Run) -> Vec<String> {
    let json = run.json();
    let one = |one: &Value| {
        let word = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        format!(
            "{}:{}:{} {} {}",
            word("file").rsplit('/').next().unwrap_or_default(),
            one["line"],
            one["column"],
            word("severity"),
            word("code")
        )
    };
    json.as_array().unwrap().iter().map(one).collect()
}

#[test]
fn what_is_well_is_said_and_nothing_is_spent() {
    let world = World::start(&june().dir);
    let project = two();
    let run = project.run(&world, &ONLINE).exits(0);
    assert_eq!(
        run.stdout,
        "Valid: 2 resources in workspace cdnow, and the services agree.\n"
    );
    let stats = world.stats();
    assert_eq!((stats.downloads(), stats.writes().0), (0, 0), "{stats:?}");
    assert!(!project.dir().join(".syncform").exists());
    // Errors of the configuration come first, and nobody is asked.
    project.write("version: 1\nworkspace: cdnow\nsyncz: {}\n");
    let before = world.stats().requests;
    project.run(&world, &ONLINE).exits(1).says("syncz");
    assert_eq!(world.stats().requests, before);
}

#[test]
fn every_cohort_is_looked_for_at_once() {
    let world = World::start(&june().dir);
    let mut twin = entry("act30d1");
    twin["id"] = json!("act30d2");
    twin["size"] = json!(7);
    world.put_cohort("act30d2", &twin);
    let mut archived = entry("lapsed1");
    archived["archived"] = json!(true);
    world.put_cohort("lapsed1", &archived);
    let text = format!(
        "version: 1\nworkspace: cdnow\namplitude: {{api_key: \"${{AMPLITUDE_API_KEY}}\", secret_key: \"${{AMPLITUDE_SECRET_KEY}}\"}}\n\
         braze: {{instance: US-01, api_key: \"${{BRAZE_API_KEY}}\"}}\n{OPEN}\n\
         defaults: {{exclude: [{{cohort: Do not contact}}]}}\n\
         syncs:\n\
         \x20 a:\n    kind: cohort\n    cohort: Big spendrs\n    to: {{attribute_flag: a}}\n\
         \x20 b:\n    kind: cohort\n    cohort: Active 30d\n    to: {{attribute_flag: b}}\n    exclude:\n      - cohort: {{id: repeat2}}\n\
         \x20 c:\n    kind: cohort\n    cohort: Lapsed\n    to: {{attribute_flag: c}}\n    paused: true\n\
         \x20 d:\n    kind: cohort\n    cohort: {{id: bigspnd}}\n    to: {{attribute_flag: d}}\n"
    );
    let project = Project::written(vec![], &text);
    let run = project.run(&world, &ONLINE).exits(1);
    insta::assert_snapshot!(run.stderr, @r#"
    error: Amplitude lists no cohort "Do not contact"
     --> syncform.yaml:6:31
      |
    6 | defaults: {exclude: [{cohort: Do not contact}]}
      |                               ^^^^^^^^^^^^^^
      hint: it may be renamed, deleted, or not published (discoverable) in Amplitude

    error: Amplitude lists no cohort "Big spendrs"
      --> syncform.yaml:10:13
       |
    10 |     cohort: Big spendrs
       |             ^^^^^^^^^^^
       hint: did you mean "Big spenders"?

    error: 2 cohorts are named like cohort "Active 30d": act30d1 (47 people), act30d2 (7 people)
      --> syncform.yaml:14:13
       |
    14 |     cohort: Active 30d
       |             ^^^^^^^^^^
       hint: say which by its id: cohort: {id: act30d1}

    error: Amplitude lists no cohort with id repeat2
      --> syncform.yaml:17:22
       |
    17 |       - cohort: {id: repeat2}
       |                      ^^^^^^^
       hint: did you mean "repeat1"?

    error: cohort "Lapsed" is archived in Amplitude (id lapsed1)
      --> syncform.yaml:20:13
       |
    20 |     cohort: Lapsed
       |             ^^^^^^
       hint: un-archive it, or pause the sync; an archived cohort is never taken for an empty one

    5 errors
    "#);
    assert_eq!(run.stdout, "");
    let json = project.run(&world, &["validate", "--online", "--format", "json"]);
    assert_eq!(
        found(&json.exits(1)),
        [
            "syncform.yaml:6:31 error cohort",
            "syncform.yaml:10:13 error cohort",
            "syncform.yaml:14:13 error cohort",
            "syncform.yaml:17:22 error cohort",
            "syncform.yaml:20:13 error cohort",
        ]
    );
    let github = project.run(&world, &["validate", "--online", "--format", "github"]);
    let github = github.exits(1);
    assert_eq!(github.stdout.lines().count(), 5, "{github}");
    assert!(
        github.stdout.starts_with("::error title=cohort,file="),
        "{github}"
    );
}

#[test]
fn refused_and_missing_keys_are_told_together() {
    let world = World::start(&june().dir);
    let project = two();
    let asked = |keys: &[(&str, &str)], words: &[&str]| {
        let mut command = project.command(Some(&world), words);
        command.envs(keys.iter().copied());
        let run = run(command);
        assert!(!run.all().contains("planted"), "a key is shown: {run}");
        run
    };
    let bad = [
        ("AMPLITUDE_API_KEY", "bad-planted-1"),
        ("BRAZE_API_KEY", "bad-planted-2"),
    ];
    let json = [&ONLINE[..], &["--format", "json"]].concat();
    let run = asked(&bad, &json).exits(1);
    assert_eq!(
        found(&run),
        [
            "syncform.yaml:3:22 error refused-key",
            "syncform.yaml:4:35 error refused-key"
        ]
    );
    asked(&bad, &ONLINE)
        .exits(1)
        .says("amplitude: /api/3/cohorts: status 401 Invalid API key or secret key")
        .says("must be of one project, and of the region configured")
        .says("braze: /segments/list: status 401 Invalid API Key")
        .says("2 errors");
    // A permission that is optional.
    let narrow = [("BRAZE_API_KEY", "planted-no-segments.list")];
    let run = asked(&narrow, &json).exits(0);
    assert_eq!(found(&run), ["syncform.yaml:4:35 warning refused-key"]);
    let narrow = [("BRAZE_API_KEY", "planted-no-segments.list-no-users.track")];
    assert_eq!(
        found(&asked(&narrow, &json).exits(1)),
        ["syncform.yaml:4:35 error refused-key"]
    );

    // Without a sandbox, and without keys.
    let run = crate::support::binary::run(project.command(None, &json)).exits(1);
    let missing = "error missing-secret";
    let places = ["3:22", "3:58", "4:35"];
    let wanted = places.map(|place| format!("syncform.yaml:{place} {missing}"));
    let told: Vec<String> = found(&run)
        .into_iter()
        .filter(|one| one.ends_with(missing))
        .collect();
    assert_eq!(told, wanted);
}

#[test]
fn a_renamed_cohort_that_the_state_knows_is_drift() {
    let world = World::start(&june().dir);
    let project = two();
    project.apply(&world).exits(0);
    let mut renamed = entry("bigspnd");
    renamed["name"] = json!("Whales");
    world.put_cohort("bigspnd", &renamed);
    project
        .run(&world, &ONLINE)
        .exits(0)
        .says("cohort \"Big spenders\" is named \"Whales\" now")
        .says("write the name that it has now");
    // Under another address as well, where the YAML says that it moved.
    let text = yaml(OPEN, 75, project.syncs()).replace("big-spenders-flag:", "whales:");
    project.write(&format!(
        "{text}moved: [{{from: sync.big-spenders-flag, to: sync.whales}}]\n"
    ));
    project
        .run(&world, &ONLINE)
        .exits(0)
        .says("is named \"Whales\" now");
    project.write(&text);
    let run = project.run(&world, &ONLINE);
    run.exits(1)
        .says("Amplitude lists no cohort \"Big spenders\"");
    // A state that cannot be read is told beside the rest.
    fs::write(project.state(&world).join("manifest.json"), "{").unwrap();
    let run = project.run(&world, &ONLINE).exits(1);
    run.says("the state cannot be read")
        .says("Amplitude lists no cohort");
}

#[test]
fn the_quota_is_amplitudes_word() {
    let world = World::start(&june().dir);
    let project = two();
    let text = yaml(OPEN, 75, project.syncs());
    let with = |quota: &str| text.replace("amplitude: {", &format!("amplitude: {{{quota}"));
    project.write(&with("monthly_downloads: 20, "));
    project
        .run(&world, &["validate"])
        .exits(0)
        .says("the quota is 20");
    let run = project.run(&world, &ONLINE).exits(0);
    assert!(!run.all().contains("the quota is 20"), "{run}");
    run.says("`monthly_downloads` is 20, and Amplitude says 500")
        .says("syncform.yaml:3:");
    project.write(
        &with("monthly_downloads: 9000, ").replace("defaults: {", "defaults: {cadence: hourly, "),
    );
    project
        .run(&world, &ONLINE)
        .exits(0)
        .says("up to 1440 cohort downloads a month, and the quota is 500")
        .says("Amplitude's own word");
}

#[test]
fn services_that_cannot_be_asked_are_told_at_their_places() {
    let project = two();
    let text = yaml(OPEN, 75, project.syncs())
        .replace(
            "amplitude: {",
            "amplitude: {endpoint: \"http://127.0.0.1:9\", ",
        )
        .replace("instance: US-01", "endpoint: \"http://127.0.0.1:9\"");
    project.write(&text);
    let mut command = project.command(None, &[&ONLINE[..], &["--format", "json"]].concat());
    for key in ["AMPLITUDE_API_KEY", "AMPLITUDE_SECRET_KEY", "BRAZE_API_KEY"] {
        command.env(key, "some");
    }
    // Nothing is written, so that a state which CI forgets is none to refuse.
    command.env("CI", "true");
    let run = run(command).exits(1);
    assert_eq!(
        found(&run),
        [
            "syncform.yaml:3:23 error unreachable",
            "syncform.yaml:4:19 error unreachable"
        ]
    );
    run.says("syncform doctor");
}

/// A run against a server that answers the list of segments and an empty write so, and `doctor` against the same.
fn keyed(segments: u16, track: u16, syncs: &Project) -> (Run, Run) {
    let url = serve(move |path, _| match path.split('?').next().unwrap() {
        "/api/3/cohorts" => (
            200,
            serde_json::from_str(&june().files["amplitude/cohorts.json"]).unwrap(),
        ),
        "/segments/list" => (segments, json!({"message": "no list"})),
        "/users/track" => (track, json!({"message": "other words"})),
        "/custom_attributes" => (200, json!({"message": "success", "attributes": []})),
        _ => (200, json!({})),
    });
    syncs.write(&endpoints(syncs, &url));
    let asked = |words: &[&str]| {
        let mut command = syncs.command(None, words);
        for key in ["AMPLITUDE_API_KEY", "AMPLITUDE_SECRET_KEY", "BRAZE_API_KEY"] {
            command.env(key, "some");
        }
        run(command)
    };
    (asked(&ONLINE), asked(&["doctor"]))
}

fn endpoints(project: &Project, url: &str) -> String {
    yaml(OPEN, 75, project.syncs())
        .replace(
            "amplitude: {",
            &format!("amplitude: {{endpoint: \"{url}\", "),
        )
        .replace("instance: US-01", &format!("endpoint: \"{url}\""))
}

#[test]
fn doctor_and_validate_agree_about_a_key() {
    let cases = [
        (403, 400, 0, "warning", "warn  braze key"),
        (401, 200, 0, "warning", "warn  braze key"),
        (401, 400, 0, "warning", "warn  braze key"),
        (403, 403, 1, "/users/track", "ok    braze key"),
        (403, 401, 1, "/users/track", "ok    braze key"),
        (401, 401, 1, "error", "fail  braze key"),
    ];
    for (segments, track, code, said, line) in cases {
        let (online, doctor) = keyed(segments, track, &two());
        let case = format!("{segments} {track}: {online}\n{doctor}");
        assert_eq!(
            (online.code, doctor.code),
            (Some(code), Some(code)),
            "{case}"
        );
        assert!(online.all().contains(said), "{case}");
        assert!(doctor.stdout.contains(line), "{case}");
        assert_eq!(
            online.all().contains("permission segments.list"),
            segments == track && track == 401,
            "{case}"
        );
    }
}

#[test]
fn a_host_that_hangs_is_given_up_soon() {
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", hanging.local_addr().unwrap());
    let project = two();
    project.write(&endpoints(&project, &url));
    let mut command = project.command(None, &ONLINE);
    for key in ["AMPLITUDE_API_KEY", "AMPLITUDE_SECRET_KEY", "BRAZE_API_KEY"] {
        command.env(key, "some");
    }
    let begin = std::time::Instant::now();
    let run = run(command).exits(1);
    assert!(
        begin.elapsed() < std::time::Duration::from_secs(45),
        "{run}"
    );
    run.says("no answer in time").says("2 errors");
}

fn fixed(world: &World, name: &str, definition: &Value) {
    world.fix_attribute(name, definition);
}

fn written(syncs: &str) -> Project {
    let text = format!(
        "version: 1\nworkspace: cdnow\namplitude: {{api_key: \"${{AMPLITUDE_API_KEY}}\", secret_key: \"${{AMPLITUDE_SECRET_KEY}}\"}}\n\
         braze: {{instance: US-01, api_key: \"${{BRAZE_API_KEY}}\"}}\n{OPEN}\nsyncs:\n{syncs}"
    );
    Project::written(vec![], &text)
}

#[test]
fn what_attributes_cannot_hold_is_told_at_its_place() {
    let world = World::start(&june().dir);
    let project = written(
        "\x20 a: {kind: cohort, cohort: Big spenders, to: {attribute_array: zones}}\n\
         \x20 b: {kind: cohort, cohort: Repeat buyers, to: {attribute_array: zones}}\n\
         \x20 c: {kind: cohort, cohort: Active 30d, to: {attribute_array: zones}, paused: true}\n\
         \x20 d: {kind: cohort, cohort: Active 30d, to: {attribute_flag: vip}}\n\
         \x20 e: {kind: cohort, cohort: Active 30d, to: {attribute_flag: fresh}}\n\
         \x20 f:\n    kind: user_property\n    audience: {cohort: Big spenders}\n    properties:\n\
         \x20     - since\n      - {from: spent, to: ltv, as: integer}\n      - {from: sure, as: auto}\n\
         \x20 g:\n    kind: recommendation\n    audience: {cohort: Big spenders}\n\
         \x20   recommendation: {id: r, to: picks, limit: 30, made_at: made}\n",
    );
    // Nothing of it is known yet, and there is more than one page.
    for number in 0..60 {
        fixed(
            &world,
            &format!("a{number:02}"),
            &json!({"data_type": "Number"}),
        );
    }
    world.reset();
    project
        .run(&world, &ONLINE)
        .exits(0)
        .says("the services agree");
    let asked = world.stats().requests["GET /custom_attributes"];
    assert_eq!((asked, world.stats().writes().0), (2, 0));
    // As it should be.
    let list = |length: u64| json!({"data_type": "Array", "array_length": length});
    fixed(&world, "zones", &list(3));
    fixed(&world, "vip", &json!({"data_type": "Boolean"}));
    fixed(&world, "ltv", &json!({"data_type": "Number"}));
    fixed(&world, "sure", &json!({"data_type": "Object"}));
    fixed(&world, "picks", &list(30));
    fixed(&world, "made", &json!({"data_type": "Time"}));
    project
        .run(&world, &ONLINE)
        .exits(0)
        .says("the services agree");
    // As it should not.
    fixed(&world, "zones", &list(2));
    fixed(&world, "vip", &json!({"data_type": "Number"}));
    fixed(&world, "fresh", &json!({"status": "Blocklisted"}));
    fixed(&world, "ltv", &json!({"data_type": "String"}));
    fixed(&world, "since", &json!({"data_type": "Time"}));
    fixed(&world, "picks", &list(25));
    fixed(&world, "made", &json!({"data_type": "Array"}));
    let run = project.run(&world, &ONLINE).exits(1);
    insta::assert_snapshot!(run.stderr, @r#"
    error: `sync.c` writes label 3 into `zones`, and Braze keeps 2 in it
     --> syncform.yaml:9:63
      |
    9 |   c: {kind: cohort, cohort: Active 30d, to: {attribute_array: zones}, paused: true}
      |                                                               ^^^^^
      hint: Braze drops the oldest without a word: raise the attribute's maximum array length in the dashboard, or write to another attribute

    error: Braze has the attribute `vip` as Number, and `sync.d` writes true and false
      --> syncform.yaml:10:62
       |
    10 |   d: {kind: cohort, cohort: Active 30d, to: {attribute_flag: vip}}
       |                                                              ^^^
       hint: Braze says success and drops what an attribute cannot hold: name another attribute, or change its type in the dashboard

    warning: Braze has the attribute `fresh` as Blocklisted, not Active: it may drop what `sync.e` writes
      --> syncform.yaml:11:62
       |
    11 |   e: {kind: cohort, cohort: Active 30d, to: {attribute_flag: fresh}}
       |                                                              ^^^^^
       hint: see the attribute in the dashboard: a blocklisted one takes nothing, and Braze says success

    warning: Braze has the attribute `since` as Time, and `sync.f` writes texts, which may be no times
      --> syncform.yaml:16:9
       |
    16 |       - since
       |         ^^^^^
       hint: Braze says success and drops what an attribute cannot hold: say with `as:` what Braze has, or name another attribute

    error: Braze has the attribute `ltv` as String, and `sync.f` writes numbers
      --> syncform.yaml:17:27
       |
    17 |       - {from: spent, to: ltv, as: integer}
       |                           ^^^
       hint: Braze says success and drops what an attribute cannot hold: say with `as:` what Braze has, or name another attribute

    error: `sync.g` writes 30 items into `picks`, and Braze keeps 25 in it
      --> syncform.yaml:22:33
       |
    22 |     recommendation: {id: r, to: picks, limit: 30, made_at: made}
       |                                 ^^^^^
       hint: Braze drops the first without a word, and the best come first: lower `limit`, or raise the attribute's maximum array length in the dashboard

    error: Braze has the attribute `made` as Array, and `sync.g` writes times
      --> syncform.yaml:22:60
       |
    22 |     recommendation: {id: r, to: picks, limit: 30, made_at: made}
       |                                                            ^^^^
       hint: Braze says success and drops what an attribute cannot hold: name another attribute, or change its type in the dashboard

    5 errors, 2 warnings
    "#);
    fixed(&world, "zones", &json!({"data_type": "String"}));
    let run = project.run(&world, &ONLINE).exits(1);
    run.says("Braze has the attribute `zones` as String, and `sync.a` writes lists");
}

#[test]
fn attributes_are_listed_where_they_are_written_and_may_be() {
    let world = World::start(&june().dir);
    let project = two();
    let mut command = project.command(Some(&world), &[&ONLINE[..], &["--format", "json"]].concat());
    command.env("BRAZE_API_KEY", "planted-no-custom_attributes.get");
    let narrow = run(command).exits(0);
    assert_eq!(found(&narrow), ["syncform.yaml:4:35 warning refused-key"]);
    narrow.says("permission custom_attributes.get");
    // A key that is refused altogether is told once.
    let mut command = project.command(Some(&world), &ONLINE);
    command.env("BRAZE_API_KEY", "planted-bad");
    run(command).exits(1).says("1 error");
    // Imported cohorts are no attributes.
    world.reset();
    let project = Project::new(vec![import("Big spenders", "bigspnd")]);
    project.run(&world, &ONLINE).exits(0);
    assert!(
        !world
            .stats()
            .requests
            .contains_key("GET /custom_attributes")
    );
    // What fails for once is asked again.
    world.faults("503:0.5@/custom_attributes");
    two()
        .run(&world, &ONLINE)
        .exits(0)
        .says("the services agree");
}

#[test]
fn a_list_of_attributes_without_an_end_is_left() {
    let url = serve_whole(|path| {
        let body = match path.split('?').next().unwrap() {
            "/api/3/cohorts" => june().files["amplitude/cohorts.json"].clone(),
            "/segments/list" => json!({"segments": []}).to_string(),
            "/custom_attributes" => json!({"attributes": []}).to_string(),
            _ => "{}".to_owned(),
        };
        let length = body.len();
        let link = "</custom_attributes?cursor=same=>; rel=\"next\"";
        format!(
            "HTTP/1.1 200 X\r\nconnection: close\r\nlink: {link}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    });
    let project = two();
    project.write(&endpoints(&project, &url));
    let mut command = project.command(None, &ONLINE);
    for key in ["AMPLITUDE_API_KEY", "AMPLITUDE_SECRET_KEY", "BRAZE_API_KEY"] {
        command.env(key, "some");
    }
    run(command)
        .exits(1)
        .says("/custom_attributes: the answer is not what is documented; types and lengths");
}

#[test]
fn every_segment_is_looked_for_once() {
    let world = World::start(&june().dir);
    let text = |more: &str| {
        format!(
            "version: 1\nworkspace: cdnow\namplitude: {{api_key: \"${{AMPLITUDE_API_KEY}}\", secret_key: \"${{AMPLITUDE_SECRET_KEY}}\"}}\n\
             braze: {{instance: US-01, api_key: \"${{BRAZE_API_KEY}}\"}}\n{OPEN}\n\
             syncs:\n\
             \x20 a: {{kind: cohort, cohort: Big spenders, to: {{attribute_flag: a}}, seed: {{segment: Big spendrs}}}}\n{more}"
        )
    };
    let named = |at: &str, name: &str| json!({"id": at, "name": name});
    world.put_segments(&json!([
        named("s-1", "Big spenders"),
        named("s-2", "Other")
    ]));
    world.put_segments(&json!([named("s-3", "Twin"), named("s-4", "Fourth")]));
    world.put_segments(&json!([named("s-4", "Twin")]));
    let watched = "segments:\n  t: {name: Twin}\n  n: {name: None such}\n  o: {name: Other}\n";
    let project = Project::written(vec![], &text(watched));
    let run = project.run(&world, &ONLINE).exits(1);
    insta::assert_snapshot!(run.stderr, @r#"
    error: Braze lists no segment "Big spendrs"
     --> syncform.yaml:7:84
      |
    7 |   a: {kind: cohort, cohort: Big spenders, to: {attribute_flag: a}, seed: {segment: Big spendrs}}
      |                                                                                    ^^^^^^^^^^^
      hint: did you mean "Big spenders"?

    error: 2 segments of Braze are named "Twin": s-3, s-4
     --> syncform.yaml:9:13
      |
    9 |   t: {name: Twin}
      |             ^^^^
      hint: rename or archive all of them but one in the dashboard

    warning: Braze lists no segment "None such"
      --> syncform.yaml:10:13
       |
    10 |   n: {name: None such}
       |             ^^^^^^^^^
       hint: the plan says how it is made by hand

    2 errors, 1 warning
    "#);
    // A seed alone needs the list too, and what is there is well.
    world.put_segments(&json!([named("s-5", "Big spendrs")]));
    project.write(&text(""));
    let run = project.run(&world, &ONLINE).exits(0);
    run.says("and the services agree.");
    let mut command = project.command(Some(&world), &ONLINE);
    command.env("BRAZE_API_KEY", "planted-no-segments.list");
    crate::support::binary::run(command)
        .exits(1)
        .says("a segment is named, and the key is not permitted segments.list");
    assert_eq!(world.stats().downloads(), 0);
}
