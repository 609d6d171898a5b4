//! The project's files, read once: what is tracked by git or would be.

use std::collections::BTreeMap;

use crate::workspace::Workspace;

pub struct Tree {
    /// By path from the root, `/` between parts. A file that is no UTF-8 has no text.
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    pub fn read(workspace: &Workspace) -> Result<Tree, String> {
        // Who owns the checkout does not matter for listing it.
        let list = workspace.output(workspace.command("git").args([
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "-co",
            "--exclude-standard",
        ]))?;
        let mut files = BTreeMap::new();
        for path in list.split('\0').filter(|path| !path.is_empty()) {
            let full = workspace.root.join(path);
            // A tracked file may be deleted and not yet committed so; a link's target is elsewhere.
            if !full.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
                continue;
            }
            let bytes = std::fs::read(&full).map_err(|e| format!("{path}: {e}"))?;
            files.insert(path.to_owned(), String::from_utf8(bytes).ok());
        }
        Ok(Tree { files })
    }

    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Tree {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), Some((*text).to_owned()));
        Tree {
            files: files.iter().map(own).collect(),
        }
    }

    /// Path and text of each text file.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    pub fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(|(path, _)| path.ends_with(".rs"))
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Whether there is such a file, or a directory with files in it; the root is `""`.
    pub fn has(&self, path: &str) -> bool {
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.keys().any(|file| {
                file.strip_prefix(path)
                    .is_some_and(|rest| rest.starts_with('/'))
            })
    }

    /// Directory and manifest of each package, the workspace's own manifest left out.
    pub fn packages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files()
            .filter_map(|(path, text)| Some((path.strip_suffix("/Cargo.toml")?, text)))
    }
}
