//! `edgefit table merge`.

use edgefit_latency::file;

use super::super::output;
use super::MergeArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::quantity;

/// Runs the command.
pub(super) fn run_command(args: MergeArgs) -> Result<()> {
    let MergeArgs { tables, out } = args;
    if out.exists() {
        let message = format!("{} is there already; name another file", out.display());
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let Some((first, others)) = tables.split_first() else {
        return Err(Error::new(ErrorKind::Usage, "name at least two tables"));
    };
    let mut merged = file::load(first)?;
    for path in others {
        let merging = merged.merge(&file::load(path)?).map_err(Error::from);
        merging.map_err(|e| Error::new(e.kind, format!("{} and {}: {e}", first.display(), path.display())))?;
    }
    merged.fit()?;
    file::save(&merged, &out)?;
    output::print(&format!("{}: {} models\n", out.display(), quantity::count(merged.samples().len() as u64)))
}
