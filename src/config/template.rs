//! The language inside scalars: `${NAME}`, `${NAME:-default}`, `${file:/path}`, and `$${` for a plain `${`.
//! It splits a text into pieces; where values come from is not its business.

/// A part of a scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text as it is.
    Literal(&'t str),
    /// A plain `${`.
    Escape,
    /// A variable, and what stands in for it where it is not set.
    Variable {
        name: &'t str,
        default: Option<&'t str>,
    },
    /// The content of a file.
    File(&'t str),
}

/// Why a text is no template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// `${` without its `}`.
    Open,
    /// What stands between the braces is no name.
    Name,
    /// `${A:-${B}}`.
    Nested,
}

/// Whether a text has anything to fill.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("${")
}

/// Splits a text into its pieces.
pub(super) fn parse(text: &str) -> Result<Vec<Piece<'_>>, Malformed> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let escaped = rest[..at].ends_with('$');
        let literal = &rest[..at - usize::from(escaped)];
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        rest = &rest[at + 2..];
        if escaped {
            pieces.push(Piece::Escape);
            continue;
        }
        let end = rest.find('}').ok_or(Malformed::Open)?;
        pieces.push(reference(&rest[..end])?);
        rest = &rest[end + 1..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    Ok(pieces)
}

fn reference(inside: &str) -> Result<Piece<'_>, Malformed> {
    if inside.contains("${") {
        return Err(Malformed::Nested);
    }
    if let Some(path) = inside.strip_prefix("file:") {
        return if path.is_empty() {
            Err(Malformed::Name)
        } else {
            Ok(Piece::File(path))
        };
    }
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if is_name(name) {
        Ok(Piece::Variable { name, default })
    } else {
        Err(Malformed::Name)
    }
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// Whether a text is references alone, with no literal in it or in a default: what a secret field may hold.
pub(super) fn is_reference(text: &str) -> bool {
    parse(text.trim()).is_ok_and(|pieces| {
        !pieces.is_empty()
            && pieces.iter().all(|piece| match piece {
                Piece::Variable { default, .. } => default.is_none_or(str::is_empty),
                Piece::File(_) => true,
                Piece::Literal(_) | Piece::Escape => false,
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits() {
        let variable = |name, default| Piece::Variable { name, default };
        for (text, wanted) in [
            ("plain", Ok(vec![Piece::Literal("plain")])),
            ("", Ok(vec![])),
            ("${A}", Ok(vec![variable("A", None)])),
            ("${A:-}", Ok(vec![variable("A", Some(""))])),
            ("${A:-b:-c}", Ok(vec![variable("A", Some("b:-c"))])),
            (
                "x${A}y",
                Ok(vec![
                    Piece::Literal("x"),
                    variable("A", None),
                    Piece::Literal("y"),
                ]),
            ),
            ("${file:/run/x}", Ok(vec![Piece::File("/run/x")])),
            ("$${A}", Ok(vec![Piece::Escape, Piece::Literal("A}")])),
            (
                "a$$${A}",
                Ok(vec![
                    Piece::Literal("a$"),
                    Piece::Escape,
                    Piece::Literal("A}"),
                ]),
            ),
            ("$5 and $", Ok(vec![Piece::Literal("$5 and $")])),
            ("${A", Err(Malformed::Open)),
            ("${}", Err(Malformed::Name)),
            ("${1A}", Err(Malformed::Name)),
            ("${A-B}", Err(Malformed::Name)),
            ("${file:}", Err(Malformed::Name)),
            ("${A:-${B}}", Err(Malformed::Nested)),
        ] {
            assert_eq!(parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn knows_pure_references() {
        for text in ["${A}", "${A:-}", "${file:/x}", "${A}${B}"] {
            assert!(is_reference(text), "{text}");
        }
        for text in ["", "x", "x${A}", "${A:-x}", "$${A}", "${A"] {
            assert!(!is_reference(text), "{text}");
        }
    }
}
