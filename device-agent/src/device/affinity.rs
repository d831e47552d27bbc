//! Binding a job's process to cores, before the runtime makes its threads.

use edgefit_protocol::{
    device::Core,
    error::{ErrorKind, JobError},
    job::Affinity,
};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::cores;

/// Binds this process and returns the numbers of the cores that it may use from now on.
///
/// # Errors
///
/// [`ErrorKind::Device`] when a core is not there or the system refuses.
pub fn apply(affinity: &Affinity) -> Result<Vec<u32>, JobError> {
    if *affinity != Affinity::Any {
        bind(&choose(affinity, &cores::read())?)?;
    }
    allowed()
}

/// The cores that an affinity means on a machine with these cores.
fn choose(affinity: &Affinity, cores: &[Core]) -> Result<Vec<u32>, JobError> {
    match affinity {
        Affinity::Any => Ok(cores.iter().map(|core| core.index).collect()),
        Affinity::Big => Ok(of_speed(cores, cores.iter().map(speed).max())),
        Affinity::Little => Ok(of_speed(cores, cores.iter().map(speed).min())),
        Affinity::Cores(named) => named_cores(named, cores),
    }
}

fn named_cores(named: &[u32], cores: &[Core]) -> Result<Vec<u32>, JobError> {
    let is_there = |index: &u32| cores.iter().any(|core| core.index == *index);
    if named.is_empty() {
        return Err(refused("the affinity names no core".to_owned()));
    }
    match named.iter().find(|index| !is_there(index)) {
        Some(missing) => Err(refused(format!("there is no core {missing} on this device"))),
        None => Ok(named.to_vec()),
    }
}

/// How fast a core is, in the terms that the machine offers.
fn speed(core: &Core) -> (Option<u32>, Option<u64>) {
    (core.capacity, core.max_frequency_khz)
}

fn of_speed(cores: &[Core], wanted: Option<(Option<u32>, Option<u64>)>) -> Vec<u32> {
    cores.iter().filter(|core| Some(speed(core)) == wanted).map(|core| core.index).collect()
}

fn bind(cores: &[u32]) -> Result<(), JobError> {
    let mut set = CpuSet::new();
    for core in cores {
        if *core as usize >= CpuSet::MAX_CPU {
            return Err(refused(format!("core {core} is out of the system's range")));
        }
        set.set(*core as usize);
    }
    sched_setaffinity(None, &set)
        .map_err(|error| refused(format!("the system does not bind to cores {cores:?}: {error}")))
}

fn allowed() -> Result<Vec<u32>, JobError> {
    let set =
        sched_getaffinity(None).map_err(|error| refused(format!("the system does not tell the affinity: {error}")))?;
    Ok((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).map(|core| core as u32).collect())
}

fn refused(message: String) -> JobError {
    JobError::new(ErrorKind::Device, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores(speeds: &[(Option<u32>, Option<u64>)]) -> Vec<Core> {
        (0..)
            .zip(speeds)
            .map(|(index, (capacity, max_frequency_khz))| Core {
                index,
                max_frequency_khz: *max_frequency_khz,
                capacity: *capacity,
                model: None,
            })
            .collect()
    }

    fn check(affinity: &Affinity, cores: &[Core], expected: &[u32]) {
        assert_eq!(choose(affinity, cores).unwrap(), expected);
    }

    #[test]
    fn big_and_little_go_by_capacity_then_frequency() {
        let phone = cores(&[(Some(325), None), (Some(1024), None), (Some(325), None)]);
        check(&Affinity::Big, &phone, &[1]);
        check(&Affinity::Little, &phone, &[0, 2]);
        let board = cores(&[(None, Some(1_800_000)), (None, Some(2_400_000))]);
        check(&Affinity::Big, &board, &[1]);
        let plain = cores(&[(None, None), (None, None)]);
        check(&Affinity::Big, &plain, &[0, 1]);
        check(&Affinity::Little, &plain, &[0, 1]);
    }

    #[test]
    fn a_core_that_is_not_there_is_refused() {
        let two = cores(&[(None, None), (None, None)]);
        check(&Affinity::Cores(vec![1]), &two, &[1]);
        for named in [vec![], vec![0, 2]] {
            let error = choose(&Affinity::Cores(named), &two).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Device);
        }
    }
}
