//! `ridgepoint check`.
use super::{Common, Failure, Outcome};
use clap::Args;
/// Check
#[derive(Args, Debug)]
pub struct Check { #[command(flatten)] common: Common }
impl Check { pub fn run(self) -> Result<Outcome, Failure> { let _=self.common; Ok(Outcome::Good) } }
