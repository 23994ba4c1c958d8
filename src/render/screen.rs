//! The terminal that bars are drawn on. It holds no bar.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use console::Term;
use indicatif::TermLike;

/// Stderr, with the cursor left right behind what was drawn last. Bars are filled up to the edge with blanks, and a `^C`
/// that the terminal echoes there would begin a line of its own, which nobody knows of and nobody clears.
#[derive(Debug)]
pub(super) struct Screen {
    term: Term,
    blanks: Mutex<String>,
}

impl Screen {
    pub(super) fn stderr() -> Self {
        Self {
            term: Term::buffered_stderr(),
            blanks: Mutex::default(),
        }
    }

    /// Takes the blanks that were held back.
    fn held(&self) -> String {
        std::mem::take(&mut *self.blanks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let held = self.held();
        self.term.write_str(&held)?;
        self.term.write_str(text)
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.term.size().1
    }

    fn height(&self) -> u16 {
        self.term.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.term.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.term.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.term.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.term.move_cursor_left(columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write(text)?;
        self.term.write_line("")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        if text.is_empty() || !text.trim_start_matches(' ').is_empty() {
            return self.write(text);
        }
        let mut blanks = self.blanks.lock().unwrap_or_else(PoisonError::into_inner);
        blanks.push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.term.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        // Blanks at the end are drawn as what they are there for: nothing that stood there before.
        if !self.held().is_empty() {
            self.term.write_str("\x1b[K")?;
        }
        self.term.flush()
    }
}
