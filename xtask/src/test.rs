//! `cargo xtask test`: runs the steps, shows how each ended, and counts.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::debian::Debian;
use crate::steps::{Outcome, Run, STEPS, Step};
use crate::workspace::Workspace;

pub fn main(workspace: &Workspace, args: &[String]) -> ExitCode {
    let request = match Request::parse(args) {
        Ok(request) => request,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    if request.is_list {
        for step in STEPS {
            println!("{:<13} {}", step.name, step.about);
        }
        return ExitCode::SUCCESS;
    }
    let mut debian = Debian::new();
    let ended = run_all(&request, |step| {
        println!("\n── {}: {}", step.name, step.about);
        if let Err(why) = debian.provide(step.needs) {
            return Outcome::Fail(why);
        }
        match step.run {
            Run::Cargo(args) => workspace
                .run(workspace.cargo().args(args))
                .map_or_else(Outcome::Fail, |()| Outcome::Pass(String::new())),
            Run::Own(run) => run(workspace),
        }
    });
    println!("\n── summary");
    for line in &ended {
        println!("{}", line.words());
    }
    let (words, is_good) = count(&ended);
    println!("{words}");
    // Nothing is left to do if standard output is gone.
    let _ = std::io::stdout().flush();
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

struct Request {
    steps: Vec<&'static Step>,
    is_list: bool,
    is_keep_going: bool,
}

impl Request {
    fn parse(args: &[String]) -> Result<Request, String> {
        let mut request = Request {
            steps: Vec::new(),
            is_list: false,
            is_keep_going: false,
        };
        let mut names = Vec::new();
        for arg in args {
            match arg.as_str() {
                "--list" => request.is_list = true,
                "--keep-going" => request.is_keep_going = true,
                name if STEPS.iter().any(|step| step.name == name) => names.push(name),
                other => {
                    let known: Vec<_> = STEPS.iter().map(|step| step.name).collect();
                    return Err(format!("no step `{other}`; there are {}", known.join(", ")));
                }
            }
        }
        request.steps = STEPS
            .iter()
            .filter(|step| names.is_empty() || names.contains(&step.name))
            .collect();
        Ok(request)
    }
}

struct Ended {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

impl Ended {
    fn words(&self) -> String {
        let (verdict, words) = match &self.outcome {
            Outcome::Pass(words) => ("PASS", words),
            Outcome::Fail(words) => ("FAIL", words),
            Outcome::Skip(words) => ("SKIP", words),
        };
        let line = format!(
            "{verdict}  {:<13} {:>7.1} s  {}",
            self.name,
            self.took.as_secs_f32(),
            words
        );
        line.trim_end().to_owned()
    }
}

/// Runs each step; after a failure the rest are skipped, unless asked to keep going.
fn run_all(request: &Request, mut run: impl FnMut(&Step) -> Outcome) -> Vec<Ended> {
    let mut ended: Vec<Ended> = Vec::new();
    let mut failed: Option<&'static str> = None;
    for step in &request.steps {
        let began = Instant::now();
        let outcome = match failed {
            Some(name) if !request.is_keep_going => Outcome::Skip(format!("{name} failed")),
            _ => run(step),
        };
        if matches!(outcome, Outcome::Fail(_)) {
            failed = failed.or(Some(step.name));
        }
        let line = Ended {
            name: step.name,
            outcome,
            took: began.elapsed(),
        };
        println!("{}", line.words());
        ended.push(line);
    }
    ended
}

/// The last line, and whether nothing failed.
fn count(ended: &[Ended]) -> (String, bool) {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for line in ended {
        match line.outcome {
            Outcome::Pass(_) => passed += 1,
            Outcome::Fail(_) => failed += 1,
            Outcome::Skip(_) => skipped += 1,
        }
    }
    (
        format!("{passed} passed, {failed} failed, {skipped} skipped"),
        failed == 0,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(args: &[&str]) -> Result<Request, String> {
        Request::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    fn tally(args: &[&str]) -> (String, bool) {
        let ended = run_all(&request(args).unwrap(), |step| match step.name {
            "clippy" => Outcome::Fail("exit status: 101".into()),
            "replay" => Outcome::Skip("no log".into()),
            _ => Outcome::Pass(String::new()),
        });
        count(&ended)
    }

    #[test]
    fn steps_run_in_table_order_whatever_order_is_asked() {
        let request = request(&["unit", "fmt"]).unwrap();
        assert_eq!(
            request.steps.iter().map(|s| s.name).collect::<Vec<_>>(),
            ["fmt", "unit"]
        );
    }

    #[test]
    fn unknown_step_is_refused() {
        assert!(request(&["fmt", "nonsense"]).is_err_and(|why| why.contains("`nonsense`")));
    }

    #[test]
    fn failure_stops_the_rest_unless_told_to_keep_going() {
        let rest = STEPS.len() - 2;
        assert_eq!(
            tally(&[]),
            (format!("1 passed, 1 failed, {rest} skipped"), false)
        );
        let passed = STEPS.len() - 2;
        assert_eq!(
            tally(&["--keep-going"]),
            (format!("{passed} passed, 1 failed, 1 skipped"), false)
        );
    }

    #[test]
    fn skipped_steps_alone_do_not_fail() {
        assert_eq!(
            tally(&["replay", "fmt"]),
            ("1 passed, 0 failed, 1 skipped".into(), true)
        );
    }
}
