//! A sandbox of both services as a process of its own, with what its `/_sandbox/` endpoints tell and take.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::binary::{Server, syncform};
use super::http;

/// A running sandbox; it ends when dropped.
pub(crate) struct World {
    server: Server,
}

/// What a sandbox has counted since its start or the last reset.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stats {
    /// Requests by method and templated path.
    pub(crate) requests: BTreeMap<String, u64>,
    /// Refused requests by method, path and status.
    pub(crate) rejected: BTreeMap<String, u64>,
    /// Data points logged.
    pub(crate) data_points: u64,
    /// Profiles in Braze.
    pub(crate) users: u64,
    /// Objects that `/users/track` took.
    pub(crate) objects: u64,
}

impl Stats {
    fn count(&self, part: &str) -> u64 {
        self.requests
            .iter()
            .filter(|(path, _)| path.contains(part))
            .map(|(_, count)| count)
            .sum()
    }

    /// Requests to `/users/track`.
    pub(crate) fn tracks(&self) -> u64 {
        self.count("POST /users/track")
    }

    /// Requests that change who is in an imported cohort.
    pub(crate) fn changes(&self) -> u64 {
        self.count("POST /partners/{partner}/cohorts/users")
    }

    /// Requests that name an imported cohort.
    pub(crate) fn namings(&self) -> u64 {
        self.count("POST /partners/{partner}/cohorts") - self.changes()
    }

    /// Requests with rows in them, whatever their lane.
    pub(crate) fn sends(&self) -> u64 {
        self.tracks() + self.changes()
    }

    /// Cohorts asked for, which is what Amplitude's quota counts.
    pub(crate) fn downloads(&self) -> u64 {
        self.requests
            .get("GET /api/5/cohorts/request/{id}")
            .copied()
            .unwrap_or(0)
    }

    /// Every request that has to do with a download: asking, polling, fetching.
    pub(crate) fn download_requests(&self) -> u64 {
        self.count("/api/5/cohorts/request")
    }

    /// Profiles asked for, of the organisation's 600 a minute.
    pub(crate) fn profile_reads(&self) -> u64 {
        self.count("GET /v1/userprofile")
    }

    /// Requests that read people back, 50 at most in each.
    pub(crate) fn reads(&self) -> u64 {
        self.requests
            .get("POST /users/export/ids")
            .copied()
            .unwrap_or(0)
    }

    /// Archives of the Export API that were asked for.
    pub(crate) fn exports(&self) -> u64 {
        self.count("GET /api/2/export")
    }

    /// Static cohorts uploaded.
    pub(crate) fn uploads(&self) -> u64 {
        self.count("POST /api/3/cohorts/upload")
    }

    /// Requests that change who is in a static cohort.
    pub(crate) fn memberships(&self) -> u64 {
        self.count("POST /api/3/cohorts/membership")
    }

    /// What must stand still when there is nothing to do.
    pub(crate) fn writes(&self) -> (u64, u64, u64, u64) {
        let posts = self
            .requests
            .iter()
            .filter(|(path, _)| !path.starts_with("GET ") && !path.contains("/export/"));
        (
            posts.map(|(_, count)| count).sum(),
            self.data_points,
            self.objects,
            self.users,
        )
    }
}

impl World {
    /// Starts a sandbox with a scenario, without limits.
    #[track_caller]
    pub(crate) fn start(scenario: &Path) -> Self {
        Self::with(scenario, &[])
    }

    /// Starts a sandbox with more arguments: `--latency 20ms`, say.
    #[track_caller]
    pub(crate) fn with(scenario: &Path, more: &[&str]) -> Self {
        Self::within(scenario, "off", more)
    }

    /// Starts a sandbox with the limits of both services.
    #[track_caller]
    pub(crate) fn real(scenario: &Path, more: &[&str]) -> Self {
        Self::within(scenario, "real", more)
    }

    #[track_caller]
    fn within(scenario: &Path, limits: &str, more: &[&str]) -> Self {
        let scenario = scenario.to_str().unwrap();
        let fixed = [
            "sandbox",
            "--listen",
            "127.0.0.1:0",
            "--scenario",
            scenario,
            "--limits",
            limits,
        ];
        Self {
            server: Server::start(syncform(fixed.iter().chain(more).copied())),
        }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.server.id()
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Value {
        let authority = self.url().strip_prefix("http://").unwrap();
        let path = format!("/_sandbox/{path}");
        let (status, answer) = http::ask(authority, method, &path, body);
        let text = String::from_utf8_lossy(&answer);
        assert!(
            (200..300).contains(&status),
            "{method} {path} answered {status}: {text}"
        );
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// The id of this world.
    #[track_caller]
    pub(crate) fn id(&self) -> String {
        self.ask("GET", "stats", b"")["world"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// What was counted so far.
    #[track_caller]
    pub(crate) fn stats(&self) -> Stats {
        let stats = self.ask("GET", "stats", b"");
        let map = |name: &str| serde_json::from_value(stats[name].clone()).unwrap();
        let number = |name: &str| {
            stats[name]
                .as_u64()
                .unwrap_or_else(|| panic!("no `{name}` in {stats}"))
        };
        Stats {
            requests: map("requests"),
            rejected: map("rejected"),
            data_points: number("data_points"),
            users: number("users"),
            objects: number("objects"),
        }
    }

    /// Counts from zero again.
    #[track_caller]
    pub(crate) fn reset(&self) {
        self.ask("POST", "stats/reset", b"");
    }

    /// One attribute of everybody who has it.
    #[track_caller]
    pub(crate) fn attribute(&self, name: &str) -> BTreeMap<String, Value> {
        let answer = self.ask(
            "GET",
            &format!("braze/attributes/{}", http::segment(name)),
            b"",
        );
        serde_json::from_value(answer["values"].clone()).unwrap()
    }

    /// One profile, as an export shows it.
    #[track_caller]
    pub(crate) fn profile(&self, external_id: &str) -> Value {
        self.ask(
            "GET",
            &format!("braze/users/{}", http::segment(external_id)),
            b"",
        )
    }

    /// Fixes the type of an attribute (`{"data_type": "Number"}`) or how long its arrays may be (`{"array_length": 25}`).
    #[track_caller]
    pub(crate) fn fix_attribute(&self, name: &str, definition: &Value) {
        self.ask(
            "PUT",
            &format!("braze/attributes/{}", http::segment(name)),
            definition.to_string().as_bytes(),
        );
    }

    /// What the User Profile API knows of a person: a line of `amplitude/profiles.jsonl`.
    #[track_caller]
    pub(crate) fn person(&self, user_id: &str) -> Value {
        self.ask(
            "GET",
            &format!("amplitude/profiles/{}", http::segment(user_id)),
            b"",
        )
    }

    /// Replaces what the User Profile API knows of a person.
    #[track_caller]
    pub(crate) fn put_person(&self, user_id: &str, person: &Value) {
        self.ask(
            "PUT",
            &format!("amplitude/profiles/{}", http::segment(user_id)),
            person.to_string().as_bytes(),
        );
    }

    /// The cohorts that partners imported: id, name, size.
    #[track_caller]
    pub(crate) fn cohorts(&self) -> Vec<Value> {
        let mut answer = self.ask("GET", "braze/cohorts", b"");
        serde_json::from_value(answer["cohorts"].take()).unwrap()
    }

    /// Who is in a static cohort of Amplitude.
    #[track_caller]
    pub(crate) fn static_members(&self, id: &str) -> Vec<String> {
        let answer = self.ask("GET", &format!("amplitude/cohorts/{id}/members"), b"");
        serde_json::from_value(answer["members"].clone()).unwrap()
    }

    /// Who is in an imported cohort: each by its external id, else its device, else its alias.
    #[track_caller]
    pub(crate) fn cohort_members(&self, id: &str) -> Vec<Value> {
        let path = format!("braze/cohorts/{}/members", http::segment(id));
        let mut answer = self.ask("GET", &path, b"");
        serde_json::from_value(answer["members"].take()).unwrap()
    }

    /// Sets attributes behind everybody's back; who is not there is made.
    #[track_caller]
    pub(crate) fn put_user(&self, external_id: &str, attributes: &Value) {
        self.ask(
            "PUT",
            &format!("braze/users/{}", http::segment(external_id)),
            attributes.to_string().as_bytes(),
        );
    }

    /// Makes and changes segments as somebody does in Braze's dashboard.
    #[track_caller]
    pub(crate) fn put_segments(&self, segments: &Value) {
        let body = serde_json::json!({"segments": segments}).to_string();
        self.ask("PUT", "braze/segments", body.as_bytes());
    }

    /// Deletes somebody from Braze behind everybody's back.
    #[track_caller]
    pub(crate) fn delete_user(&self, external_id: &str) {
        let path = format!("braze/users/{}", http::segment(external_id));
        self.ask("DELETE", &path, b"");
    }

    /// Merges somebody into somebody else, by Braze's own endpoint.
    #[track_caller]
    pub(crate) fn merge_users(&self, goes: &str, stays: &str) {
        let update = json!({"identifier_to_merge": {"external_id": goes}, "identifier_to_keep": {"external_id": stays}});
        let body = json!({"merge_updates": [update]}).to_string();
        let authority = self.url().strip_prefix("http://").unwrap();
        let (status, answer) =
            http::ask_as("any", authority, "POST", "/users/merge", body.as_bytes());
        let text = String::from_utf8_lossy(&answer);
        assert_eq!(status, 202, "{text}");
    }

    /// Replaces the list entry of a cohort.
    #[track_caller]
    pub(crate) fn put_cohort(&self, id: &str, entry: &Value) {
        self.ask(
            "PUT",
            &format!("amplitude/cohorts/{id}"),
            entry.to_string().as_bytes(),
        );
    }

    /// Replaces the people of a cohort; `lastComputed` and `size` follow.
    #[track_caller]
    pub(crate) fn put_members(&self, id: &str, csv: &str) {
        self.ask(
            "PUT",
            &format!("amplitude/cohorts/{id}/members"),
            csv.as_bytes(),
        );
    }

    /// Adds lines to the Export API, each in the hour that it says.
    #[track_caller]
    pub(crate) fn add_events(&self, lines: &str) {
        self.ask("POST", "amplitude/events", lines.as_bytes());
    }

    /// Events and purchases that Braze took, as they were sent.
    #[track_caller]
    pub(crate) fn happenings(&self) -> Vec<Value> {
        let (events, purchases) = self.happened();
        [events, purchases].concat()
    }

    /// Replaces Amplitude's side.
    #[track_caller]
    pub(crate) fn load(&self, scenario: &Path) {
        self.ask(
            "POST",
            "scenario",
            json!({"dir": scenario}).to_string().as_bytes(),
        );
    }

    /// Events and purchases that Braze took, as they were sent and in that order.
    #[track_caller]
    pub(crate) fn happened(&self) -> (Vec<Value>, Vec<Value>) {
        let mut answer = self.ask("GET", "braze/events", b"");
        let mut list = |name: &str| serde_json::from_value(answer[name].take()).unwrap();
        (list("events"), list("purchases"))
    }

    /// Adds lines to the Export API, whatever is in them; those that do not say their hour go into this one.
    #[track_caller]
    pub(crate) fn add_lines(&self, hour: &str, lines: &[u8]) {
        self.ask("POST", &format!("amplitude/events?hour={hour}"), lines);
    }

    /// Replaces the faults; an empty text ends them.
    #[track_caller]
    pub(crate) fn faults(&self, spec: &str) {
        self.ask(
            "POST",
            "faults",
            json!({"spec": spec}).to_string().as_bytes(),
        );
    }

    /// Waits until `/users/track` was asked this often; false if the run ended before.
    #[track_caller]
    pub(crate) fn wait_for_tracks(&self, count: u64, run: &mut super::binary::Running) -> bool {
        self.wait_until(Stats::tracks, count, run)
    }

    /// Waits until so many requests with rows came; false if the run ended before.
    #[track_caller]
    pub(crate) fn wait_for_sends(&self, count: u64, run: &mut super::binary::Running) -> bool {
        self.wait_until(Stats::sends, count, run)
    }

    /// Waits until a path was asked this often; false if the run ended before.
    #[track_caller]
    pub(crate) fn wait_for(
        &self,
        path: &str,
        count: u64,
        run: &mut super::binary::Running,
    ) -> bool {
        self.wait_until(|stats| stats.count(path), count, run)
    }

    /// Waits until so many profiles of Amplitude were asked for; false if the run ended before.
    #[track_caller]
    pub(crate) fn wait_for_profiles(&self, count: u64, run: &mut super::binary::Running) -> bool {
        self.wait_until(Stats::profile_reads, count, run)
    }

    #[track_caller]
    fn wait_until(
        &self,
        of: impl Fn(&Stats) -> u64,
        count: u64,
        run: &mut super::binary::Running,
    ) -> bool {
        let deadline = Instant::now() + Duration::from_mins(1);
        while of(&self.stats()) < count {
            assert!(
                Instant::now() < deadline,
                "{count} requests never came: {:?}",
                self.stats()
            );
            if run.ends_within(Duration::from_millis(2)) {
                return false;
            }
        }
        true
    }
}
