//! CPU time, taken side by side.
//!
//! On a machine that others use too, the wall clock says little; and an engine that spreads over threads must
//! not look cheaper for it. So whatever is held against a limit is measured in CPU time of all threads of
//! this process, and in turns: a slow minute then falls on all that is compared.

use std::time::Duration;

/// The kernel counts CPU time for user programs in hundredths of a second on every usual architecture.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time that all threads of this process have taken so far, ended ones too, in steps of 10 ms.
///
/// # Panics
///
/// Where there is no Linux `/proc`.
pub fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells a process about itself");
    // The name of the program, in parentheses, may hold anything, so fields are counted from behind it: the
    // times in user and in kernel mode are the 14th and 15th of all, the name is the second.
    let (_, fields) = stat.rsplit_once(')').expect("the name of the program is in parentheses");
    let ticks: u64 =
        fields.split_ascii_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

/// What a piece of work took in several rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The quickest round.
    pub least: Duration,
    /// The middle one.
    pub median: Duration,
    /// The slowest.
    pub most: Duration,
}

impl Spread {
    /// The spread of these times.
    ///
    /// # Panics
    ///
    /// If there are none.
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self { least: times[0], median: times[times.len() / 2], most: times[times.len() - 1] }
    }

    /// Nanoseconds of the middle round for each of `units`.
    pub fn nanos_per(&self, units: u64) -> f64 {
        self.median.as_nanos() as f64 / units.max(1) as f64
    }
}

/// Takes the pieces of work in turns, A B C A B C, for so many rounds, and says what CPU time each took.
///
/// A piece of work is done `repeats` times in each round, as short work drowns in the steps of the clock;
/// the times are of one.
pub fn interleaved(rounds: usize, work: &mut [(u32, &mut dyn FnMut())]) -> Vec<Spread> {
    let mut times = vec![Vec::new(); work.len()];
    for _ in 0..rounds.max(1) {
        for ((repeats, work), times) in work.iter_mut().zip(&mut times) {
            let before = cpu_time();
            (0..*repeats).for_each(|_| work());
            times.push((cpu_time() - before) / (*repeats).max(1));
        }
    }
    times.into_iter().map(Spread::of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_cpu_time_and_waiting_takes_none() {
        let work = &mut || {
            let until = cpu_time() + Duration::from_millis(100);
            while cpu_time() < until {}
        };
        let wait = &mut || std::thread::sleep(Duration::from_millis(200));
        let spreads = interleaved(3, &mut [(1, work), (1, wait)]);
        assert!(spreads[0].least >= Duration::from_millis(90), "{:?}", spreads[0]);
        assert!(spreads[1].median <= Duration::from_millis(50), "{:?}", spreads[1]);
        assert!(spreads.iter().all(|spread| spread.least <= spread.median && spread.median <= spread.most));
    }

    #[test]
    fn threads_that_have_ended_count() {
        let before = cpu_time();
        let busy = || {
            let until = cpu_time() + Duration::from_millis(100);
            while cpu_time() < until {}
        };
        std::thread::spawn(busy).join().expect("a thread that only counts");
        assert!(cpu_time() - before >= Duration::from_millis(90));
    }
}
