//! Parses, runs, and maps a failure to its exit code. Nothing else is decided here.

use std::process::ExitCode;

fn main() -> ExitCode {
    syncform::cli::main()
}
