//! The read model's follower. (Skeleton: the names the node uses.)

use crate::answer::Unavailable;
use engine::Id;
use engine::records::TenantNo;
use journal::Reader;
use std::path::Path;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProjectionError(pub String);

#[derive(Clone, Debug, Default)]
pub struct ProjectionOptions {}

pub struct Projection {}

impl Projection {
    pub fn spawn(
        _dir: &Path,
        _reader: Box<dyn Reader + Send>,
        _options: ProjectionOptions,
    ) -> Result<Self, ProjectionError> {
        Ok(Projection {})
    }
    pub fn wake(&self, _head_seq: u64) {}
    pub fn stop(&self) {}
    /// `Ok` if an id without a time was never used, as far as the read model must know.
    pub fn check_opaque(&self, _tenant: TenantNo, _id: Id) -> Result<(), Unavailable> {
        Ok(())
    }
}
