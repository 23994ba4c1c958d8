//! Judges what syncs write by what Braze says of the attributes: other types, short arrays, attributes that take nothing.
//! Braze answers success to all of it. A word that is not documented says nothing.

use crate::model::CustomAttribute;

/// What a sync writes into an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Any text.
    Text,
    /// A text that is a time.
    Time,
    /// Numbers, whole or not.
    Number,
    /// True and false.
    Boolean,
    /// A list of scalars, so many at most where that is known.
    Scalars(Option<u64>),
    /// A list of scalars or of objects.
    List,
    /// A nested object.
    Object,
    /// What a text looks like: any of these.
    Anything,
}

impl Written {
    /// Names it in a sentence: "writes numbers".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Text => "texts",
            Self::Time => "times",
            Self::Number => "numbers",
            Self::Boolean => "true and false",
            Self::Scalars(_) | Self::List => "lists",
            Self::Object => "objects",
            Self::Anything => "whatever a text looks like",
        }
    }
}

/// How a type takes what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All of it, or nobody knows.
    Well,
    /// Some: texts, where a time is wanted.
    InPart,
    /// None of it, where the type is fixed.
    Not,
}

/// Says how an attribute of this type takes what is written. The words are those of Braze's page of data types.
pub fn taken(written: Written, data_type: &str) -> Taken {
    let word = data_type.to_ascii_lowercase();
    let fits = match (word.as_str(), written) {
        (_, Written::Anything) => return Taken::Well,
        ("time", Written::Text) => return Taken::InPart,
        ("string", _) => matches!(written, Written::Text | Written::Time),
        ("time", _) => written == Written::Time,
        ("number", _) => written == Written::Number,
        ("boolean", _) => written == Written::Boolean,
        ("array", _) => matches!(written, Written::Scalars(_) | Written::List),
        ("object", _) => written == Written::Object,
        ("object array" | "array of objects", _) => written == Written::List,
        _ => true,
    };
    if fits { Taken::Well } else { Taken::Not }
}

/// Returns how many elements an array keeps of so many that are written, if that is fewer.
pub fn kept(known: &CustomAttribute, written: u64) -> Option<u64> {
    known.array_length.filter(|length| *length < written)
}

/// Returns the word of an attribute that Braze does not call active.
pub fn inactive(known: &CustomAttribute) -> Option<&str> {
    let status = known.status.as_deref()?.trim();
    (!status.is_empty() && !status.eq_ignore_ascii_case("active")).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_takes_its_own() {
        use Written::{Anything, Boolean, List, Number, Object, Scalars, Text, Time};
        let all = [
            Text,
            Time,
            Number,
            Boolean,
            Scalars(None),
            List,
            Object,
            Anything,
        ];
        for (data_type, wanted) in [
            ("String", vec![Text, Time, Anything]),
            ("Time", vec![Time, Anything]),
            ("Number", vec![Number, Anything]),
            ("boolean", vec![Boolean, Anything]),
            ("Array", vec![Scalars(None), List, Anything]),
            ("Object", vec![Object, Anything]),
            ("Object Array", vec![List, Anything]),
            ("Array of objects", vec![List, Anything]),
            ("Something new", all.to_vec()),
        ] {
            let well = all
                .into_iter()
                .filter(|one| taken(*one, data_type) == Taken::Well);
            assert_eq!(well.collect::<Vec<_>>(), wanted, "{data_type}");
        }
        assert_eq!(taken(Text, "Time"), Taken::InPart);
    }

    #[test]
    fn lengths_and_words() {
        let known = |length, status: &str| CustomAttribute {
            array_length: length,
            status: Some(status.to_owned()),
            ..CustomAttribute::default()
        };
        assert_eq!(kept(&known(Some(2), ""), 3), Some(2));
        assert_eq!(kept(&known(Some(3), ""), 3), None);
        assert_eq!(kept(&known(None, ""), 9999), None);
        assert_eq!(inactive(&known(None, "Active")), None);
        assert_eq!(inactive(&known(None, "Blocklisted")), Some("Blocklisted"));
        assert_eq!(inactive(&known(None, " ")), None);
        assert_eq!(inactive(&CustomAttribute::default()), None);
    }
}
