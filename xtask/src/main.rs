//! The project's own tooling, run as `cargo xtask …`: one command for every test, and the checks
//! that no compiler makes.
//!
//! It knows the crates by name and by their files only: it depends on none of them.

mod clients;
mod debian;
mod deny;
mod npm;
mod papers;
mod python;
mod schemathesis;
mod steps;
mod test;
mod tidy;
mod trial_balance;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

const HELP: &str = "\
cargo xtask test [STEP…] [--keep-going]   run every test, or only the steps named
cargo xtask test --list                   what the steps are
cargo xtask tidy                          house rules that no compiler checks
cargo xtask deny                          licences, duplicates and sources of dependencies (deny.toml)
cargo xtask help                          this

`test` stops at the first failing step unless told to keep going; its last line is
`N passed, M failed, K skipped`, counted in steps. Exit codes: 0 all well, 1 something failed,
2 the command line was not understood.

Debian packages that a step needs are installed when they are missing and the caller is root;
otherwise the step fails and says what to install.

FARTHING_SHARED_DATA   where the replay step finds its inputs (default: ../shared/data beside the project)
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    if matches!(command, "help" | "--help" | "-h") || rest.iter().any(|a| a == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let workspace = match Workspace::find() {
        Ok(workspace) => workspace,
        Err(why) => return fail(&why),
    };
    match (command, rest) {
        ("test", rest) => test::main(&workspace, rest),
        ("tidy", []) => report("tidy", tidy::run(&workspace)),
        ("deny", []) => report("deny", deny::run(&workspace)),
        _ => {
            eprint!("not understood: {}\n\n{HELP}", args.join(" "));
            ExitCode::from(2)
        }
    }
}

fn report(name: &str, result: Result<String, String>) -> ExitCode {
    match result {
        Ok(words) => {
            println!("{name}: {words}");
            ExitCode::SUCCESS
        }
        Err(why) => fail(&format!("{name}: {why}")),
    }
}

fn fail(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}
