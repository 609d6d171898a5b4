//! Where the project is, and how its commands are run from there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The project's root and its build directory.
pub struct Workspace {
    pub root: PathBuf,
    pub target: PathBuf,
}

impl Workspace {
    /// Found from the current directory upwards.
    pub fn find() -> Result<Workspace, String> {
        let here = std::env::current_dir().map_err(|e| format!("no current directory: {e}"))?;
        let root = here
            .ancestors()
            .find(|dir| dir.join("xtask/Cargo.toml").is_file())
            .ok_or("not inside the project: no xtask/Cargo.toml here or above")?
            .to_path_buf();
        let mut workspace = Workspace {
            target: root.join("target"),
            root,
        };
        let text = workspace.output(workspace.cargo().args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
        ]))?;
        let metadata: Value =
            serde_json::from_str(&text).map_err(|e| format!("cargo metadata: {e}"))?;
        if let Some(dir) = metadata["target_directory"].as_str() {
            workspace.target = PathBuf::from(dir);
        }
        Ok(workspace)
    }

    /// The cargo that started us, at the root.
    pub fn cargo(&self) -> Command {
        self.command(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
    }

    pub fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root).stdin(Stdio::null());
        command
    }

    /// The built command, after a release build.
    pub fn farthing(&self) -> PathBuf {
        self.target.join("release/farthing")
    }

    pub fn build_farthing(&self) -> Result<(), String> {
        self.run(
            self.cargo()
                .args(["build", "--release", "--locked", "-p", "farthing"]),
        )
    }

    /// An empty directory for one step, under the build directory.
    pub fn scratch(&self, name: &str) -> Result<PathBuf, String> {
        let dir = self.target.join("xtask").join(name);
        if dir.exists() {
            std::fs::remove_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        }
        std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        Ok(dir)
    }

    /// Runs to the end, showing what it prints.
    pub fn run(&self, command: &mut Command) -> Result<(), String> {
        let words = words(command);
        println!("$ {words}");
        let status = command
            .status()
            .map_err(|e| format!("`{words}` did not start: {e}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("`{words}`: {status}"))
        }
    }

    /// Runs to the end and returns what it printed on standard output.
    pub fn output(&self, command: &mut Command) -> Result<String, String> {
        let words = words(command);
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| format!("`{words}` did not start: {e}"))?;
        if !output.status.success() {
            return Err(format!("`{words}`: {}", output.status));
        }
        String::from_utf8(output.stdout).map_err(|_| format!("`{words}` printed no UTF-8"))
    }
}

/// A command as one would type it, the program without its directory.
fn words(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
