//! Braze's instances and the base URLs that may be used.

/// REST hosts by instance. https://www.braze.com/docs/user_guide/administrative/access_braze/sdk_endpoints
const INSTANCES: [(&str, &str); 15] = [
    ("US-01", "https://rest.iad-01.braze.com"),
    ("US-02", "https://rest.iad-02.braze.com"),
    ("US-03", "https://rest.iad-03.braze.com"),
    ("US-04", "https://rest.iad-04.braze.com"),
    ("US-05", "https://rest.iad-05.braze.com"),
    ("US-06", "https://rest.iad-06.braze.com"),
    ("US-07", "https://rest.iad-07.braze.com"),
    ("US-08", "https://rest.iad-08.braze.com"),
    ("US-10", "https://rest.us-10.braze.com"),
    ("EU-01", "https://rest.fra-01.braze.eu"),
    ("EU-02", "https://rest.fra-02.braze.eu"),
    ("AU-01", "https://rest.au-01.braze.com"),
    ("ID-01", "https://rest.id-01.braze.com"),
    ("JP-01", "https://rest.jp-01.braze.com"),
    ("KR-01", "https://rest.kr-01.braze.com"),
];

/// Returns the REST base URL of an instance.
pub(super) fn endpoint(instance: &str) -> Option<&'static str> {
    let mut known = INSTANCES.iter();
    known
        .find(|(name, _)| *name == instance)
        .map(|(_, url)| *url)
}

/// Dashboards whose host does not follow from the number: the newer instances are named in full.
const NAMED: [&str; 5] = ["US-10", "AU-01", "ID-01", "JP-01", "KR-01"];

/// Returns the address of an instance's dashboard.
pub fn dashboard(instance: &str) -> Option<String> {
    endpoint(instance)?;
    let (place, number) = instance.split_once('-')?;
    Some(match place {
        _ if NAMED.contains(&instance) => {
            format!("https://dashboard.{}.braze.com", instance.to_lowercase())
        }
        "EU" => format!("https://dashboard-{number}.braze.eu"),
        _ => format!("https://dashboard-{number}.braze.com"),
    })
}

/// Returns the instance that has a REST base URL, where it is a documented one.
pub fn of(endpoint: &str) -> Option<&'static str> {
    let mut known = INSTANCES.iter();
    known
        .find(|(_, url)| *url == endpoint)
        .map(|(name, _)| *name)
}

/// Returns the names of all instances.
pub fn names() -> impl Iterator<Item = &'static str> {
    INSTANCES.iter().map(|(name, _)| *name)
}

/// Returns why a text is no base URL to use, if it is none.
pub fn wrong_url(url: &str) -> Option<&'static str> {
    let (plain, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        _ => return Some("is no URL: it begins with https://"),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("holds a user name; keys have fields of their own");
    }
    if rest.contains(['?', '#']) || rest.contains(char::is_whitespace) {
        return Some("is no base URL: it holds a query, a fragment or a space");
    }
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    if host.is_empty() {
        return Some("names no host");
    }
    let loopback = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    (plain && !loopback).then_some(
        "is plain http to another machine: keys and people would travel in the open; use https://",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instance_has_a_dashboard() {
        for (instance, url) in [
            ("US-01", "https://dashboard-01.braze.com"),
            ("US-08", "https://dashboard-08.braze.com"),
            ("US-10", "https://dashboard.us-10.braze.com"),
            ("EU-02", "https://dashboard-02.braze.eu"),
            ("KR-01", "https://dashboard.kr-01.braze.com"),
        ] {
            assert_eq!(dashboard(instance).as_deref(), Some(url), "{instance}");
        }
        assert!(names().all(|name| dashboard(name).is_some()));
        assert_eq!(dashboard("US-09"), None);
    }

    #[test]
    fn takes_https_and_loopback() {
        for url in [
            "https://rest.iad-01.braze.com",
            "https://x.test:8443/base",
            "http://127.0.0.1:8787",
            "http://localhost:1",
            "http://[::1]:9",
        ] {
            assert_eq!(wrong_url(url), None, "{url}");
        }
        for url in [
            "rest.iad-01.braze.com",
            "http://rest.iad-01.braze.com",
            "http://10.0.0.1",
            "https://",
            "https://a:b@host",
            "https://host?key=1",
            "http://127.0.0.1.evil.test",
        ] {
            assert!(wrong_url(url).is_some(), "{url}");
        }
    }
}
