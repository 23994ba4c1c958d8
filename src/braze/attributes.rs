//! `GET /custom_attributes`: what Braze tells of each custom attribute, all pages of it. It asks for nobody's values.

use std::{collections::HashSet, fmt::Write as _};

use super::{Error, Reader, wire::AttributeList};
use crate::model::CustomAttribute;

/// Where attributes are listed.
pub const ATTRIBUTES_PATH: &str = "/custom_attributes";

impl Reader {
    /// Lists the custom attributes, 50 a request.
    pub async fn attributes(&self) -> Result<Vec<CustomAttribute>, Error> {
        let (mut all, mut query) = (vec![], String::new());
        let mut seen = HashSet::new();
        loop {
            let (page, next) = self.page(&query).await?;
            all.extend(page);
            match next {
                None => return Ok(all),
                // A page that is its own successor would be read for ever.
                Some(next) if !seen.insert(next.clone()) => {
                    return Err(Error::Unexpected {
                        path: ATTRIBUTES_PATH,
                    });
                }
                Some(next) => query = next,
            }
        }
    }

    /// Asks whether attributes may be listed.
    pub async fn may_list_attributes(&self) -> Result<(), Error> {
        self.page("").await.map(|_| ())
    }

    async fn page(&self, query: &str) -> Result<(Vec<CustomAttribute>, Option<String>), Error> {
        let path = ATTRIBUTES_PATH;
        let answer = self.client.get(path, query, &self.attributes).await?;
        if !(200..300).contains(&answer.status) {
            return Err(self.client.refused(path, &answer));
        }
        let list: AttributeList =
            serde_json::from_slice(&answer.body).map_err(|_| Error::Unexpected { path })?;
        let scrubber = self.client.sender.scrubber();
        let clean = |word: Option<String>| word.map(|word| scrubber.clean(&word));
        let listed = list.attributes.into_iter().map(|one| CustomAttribute {
            name: one.name,
            data_type: clean(one.data_type),
            status: clean(one.status),
            array_length: one.array_length,
        });
        let links = answer.headers.get_all("link").into_iter();
        let next = next(links.filter_map(|value| value.to_str().ok()));
        Ok((listed.collect(), next))
    }
}

/// Returns the query of the next page. Only the cursor is taken of a link: a key goes nowhere else, whatever one says.
fn next<'a>(links: impl Iterator<Item = &'a str>) -> Option<String> {
    let links = links.flat_map(|text| text.split('<').skip(1));
    let mut targets = links.filter_map(|link| link.split_once('>'));
    let (target, _) = targets.find(|(_, parameters)| {
        let mut parameters = parameters.split([';', ',']).map(str::trim);
        parameters.any(|one| one == "rel=\"next\"" || one == "rel=next")
    })?;
    let (_, query) = target.split_once('?')?;
    let cursor = query.split('&').find_map(|one| one.strip_prefix("cursor="));
    let cursor = cursor.filter(|cursor| !cursor.is_empty())?;
    Some(format!("?cursor={}", encoded(cursor)))
}

/// Encodes what a value may not hold in an address; what is encoded stays.
pub(super) fn encoded(cursor: &str) -> String {
    let mut text = String::with_capacity(cursor.len());
    for byte in cursor.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte) {
            text.push(byte.into());
        } else {
            // Texts are written, and that cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(link: &str) -> Option<String> {
        next([link].into_iter())
    }

    #[test]
    fn the_next_page_is_a_cursor() {
        let both = "</custom_attributes?cursor=c2tpcDow>; rel=\"prev\",</custom_attributes?cursor=c2tpcDoxMDA=>; rel=\"next\"";
        assert_eq!(after(both).as_deref(), Some("?cursor=c2tpcDoxMDA%3D"));
        let turned = "</custom_attributes?cursor=a%3D&x=1>; rel=\"next\", </custom_attributes?cursor=b>; rel=\"prev\"";
        assert_eq!(after(turned).as_deref(), Some("?cursor=a%3D"));
        let elsewhere = "<https://elsewhere.example/x?cursor=a+/>; rel=next";
        assert_eq!(after(elsewhere).as_deref(), Some("?cursor=a%2B%2F"));
        for none in [
            "</custom_attributes?cursor=a>; rel=\"prev\"",
            "</custom_attributes>; rel=\"next\"",
            "</custom_attributes?cursor=>; rel=\"next\"",
            "nonsense",
        ] {
            assert_eq!(after(none), None, "{none}");
        }
    }
}
