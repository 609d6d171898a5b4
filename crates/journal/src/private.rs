//! Files that only their owner may read and write: a journal and what is made of it tell who paid whom.

use std::fs::{File, OpenOptions};
use std::path::Path;

/// What a file is opened with, so that it is private if this makes it.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder, and those it is in, if it is not there.
pub(crate) fn dir(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Makes a file if it is not there, and takes others' rights to one that is.
pub(crate) fn claim(path: &Path) -> std::io::Result<()> {
    let file = options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    tighten(&file);
    Ok(())
}

/// Takes others' rights to a file. Whose file it is not may not, and need not: it is not theirs to hide.
fn tighten(file: &File) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let others = |file: &File| {
            file.metadata()
                .is_ok_and(|m| m.permissions().mode() & 0o077 != 0)
        };
        if others(file) {
            let _ = file.set_permissions(std::fs::Permissions::from_mode(0o600));
        }
    }
    #[cfg(not(unix))]
    let _ = file;
}
