//! Reads the project's own source: files of a folder, and code without its comments and texts.

use std::fs;
use std::path::{Path, PathBuf};

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One source file.
pub(crate) struct Source {
    /// Below the project's folder, with slashes: `src/diff/join.rs`.
    pub(crate) path: String,
    /// As it is.
    pub(crate) text: String,
    /// The same with comments and texts blanked.
    pub(crate) code: String,
}

/// The Rust files below a folder of the project, in order.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "rs"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        Source {
            path: relative(&path),
            code: code(&text),
            text,
        }
    };
    paths.into_iter().map(read).collect()
}

/// A path below the project's folder, with slashes.
pub(crate) fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap()
        .to_str()
        .unwrap()
        .replace('\\', "/")
}

/// All files below a folder.
pub(crate) fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Copies a folder of the project, less what runs left in it, so that it stays as it was cloned.
pub(crate) fn copied(folder: &str, into: &Path) {
    let mut files = Vec::new();
    walk(&root().join(folder), &mut files);
    files.retain(|file| !file.iter().any(|part| part == ".syncform"));
    for file in files {
        let to = into.join(file.strip_prefix(root()).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(file, to).unwrap();
    }
}

/// Blanks comments, texts and letters, keeping the lines.
pub(crate) fn code(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        let (end, blank) = match letters[at] {
            '/' if letters.get(at + 1) == Some(&'/') => (find(&letters, at, &['\n']), true),
            '/' if letters.get(at + 1) == Some(&'*') => (end_of_block(&letters, at), true),
            '"' => (end_of_text(&letters, at + 1), true),
            'r' if !before_is_word(&letters, at) => {
                end_of_raw(&letters, at).map_or((at + 1, false), |end| (end, true))
            }
            '\'' => end_of_letter(&letters, at).map_or((at + 1, false), |end| (end, true)),
            _ => (at + 1, false),
        };
        for &letter in &letters[at..end] {
            code.push(if blank && letter != '\n' { ' ' } else { letter });
        }
        at = end;
    }
    code
}

fn find(letters: &[char], from: usize, what: &[char]) -> usize {
    let found = letters[from..]
        .windows(what.len())
        .position(|window| window == what);
    found.map_or(letters.len(), |distance| from + distance)
}

fn before_is_word(letters: &[char], at: usize) -> bool {
    // `br"…"` is a text too, so a `b` alone before it does not count.
    let before = |back: usize| at.checked_sub(back).map(|at| letters[at]);
    let word = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
    };
    if before(1) == Some('b') {
        word(before(2))
    } else {
        word(before(1))
    }
}

fn end_of_block(letters: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < letters.len() {
        match (letters[at], letters.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(letters.len())
}

fn end_of_text(letters: &[char], mut at: usize) -> usize {
    while at < letters.len() && letters[at] != '"' {
        at += if letters[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(letters.len())
}

fn end_of_raw(letters: &[char], at: usize) -> Option<usize> {
    let hashes = letters[at + 1..]
        .iter()
        .take_while(|letter| **letter == '#')
        .count();
    if letters.get(at + 1 + hashes) != Some(&'"') {
        return None;
    }
    let mut close = vec!['"'];
    close.extend(std::iter::repeat_n('#', hashes));
    Some((find(letters, at + 2 + hashes, &close) + close.len()).min(letters.len()))
}

/// `'x'` and `'\n'`, not the `'a` of a lifetime.
fn end_of_letter(letters: &[char], at: usize) -> Option<usize> {
    if letters.get(at + 1) == Some(&'\\') {
        return Some((find(letters, at + 3, &['\'']) + 1).min(letters.len()));
    }
    (letters.get(at + 2) == Some(&'\'')).then_some(at + 3)
}

#[test]
fn comments_texts_and_letters_are_blanked() {
    let blanked = |text: &str| code(text).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(blanked("a // b \"c\nd"), "a d");
    assert_eq!(blanked("a /* b /* c */ d */ e"), "a e");
    assert_eq!(blanked(r#"f("http://x \" y", b"z") // "#), "f( , b )");
    assert_eq!(blanked("r#\"a \" b\"# c br\"d\" for\"e\""), "c b for");
    assert_eq!(
        blanked("'\"' <'a> '\\'' 'b' &'static str"),
        "<'a> &'static str"
    );
    assert_eq!(code("\"a\nb\"\nc").lines().count(), 3);
}
