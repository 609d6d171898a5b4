//! The subcommands, a file each.

mod ask;
pub mod backup;
pub mod bench;
pub mod briefs;
pub mod demo;
pub mod explain;
pub mod gate;
mod gate_keys;
pub mod invoice;
pub mod keys;
pub mod packs;
pub mod pay;
pub mod prices;
pub mod replay;
pub mod restore;
pub mod serve;
pub mod simulate;
pub mod statement;
pub mod tax;
pub mod verify;
mod verify_projection;
