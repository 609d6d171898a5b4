//! Everything else that can be asked of the step, a file each.

pub(crate) mod correction;
pub(crate) mod dispute;
pub(crate) mod group;
pub(crate) mod hold;
pub(crate) mod law;
pub(crate) mod mandate;
pub(crate) mod people;
pub(crate) mod plan;
pub(crate) mod price;
pub(crate) mod refund;
pub(crate) mod rounding;
pub(crate) mod settings;
pub(crate) mod subscription;
pub(crate) mod tax;
pub(crate) mod timer;
pub(crate) mod topup;
pub(crate) mod withdrawal;
