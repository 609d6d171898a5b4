//! Randomness as an argument, so that a test or a simulation can repeat itself.

/// A source of unpredictable bytes for keys and nonces.
pub trait Random {
    /// Fills all of `out`, or fails and leaves it not to be used.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailed>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct RandomFailed;

/// The operating system's generator: what every real caller passes.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailed> {
        getrandom::fill(out).map_err(|_| RandomFailed)
    }
}
