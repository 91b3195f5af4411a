//! The stretch of time a case plays in.

use rand::Rng;
use thalweg_core::{TimeDelta, Window};

use super::Chance;
use super::values::pick;

/// Points `grain` apart, from `base` on; everything that is a time or a span of a case lies on them or beside.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    base: i64,
    grain: i64,
    points: i64,
    exact: bool,
}

impl Frame {
    /// A frame of so many points, of which every time is a multiple of `unit` microseconds and, where `tame`, one
    /// that record timestamps can say.
    pub fn new(chance: &mut Chance, points: i64, unit: i64, tame: bool) -> Self {
        let grain = unit.max(pick(chance, &[1, 1_000, 1_000_000, 60_000_000, 3_600_000_000]));
        let middle = 1_372_636_800_000_000;
        let bases = match (tame, unit) {
            (true, _) => vec![middle],
            (false, 1) => vec![middle, middle, -10 * grain, i64::MIN, i64::MAX - points * grain],
            (false, _) => vec![middle, -10 * grain],
        };
        Self { base: pick(chance, &bases), grain, points, exact: unit > 1 || chance.random_bool(0.5) }
    }

    /// A time at which something may happen.
    pub fn time(self, chance: &mut Chance) -> i64 {
        let time = self.base + self.grain * chance.random_range(0..self.points);
        if self.exact || chance.random_bool(0.7) { time } else { time.saturating_add(pick(chance, &[-1, 1])) }
    }

    /// A time to ask at: near what may have happened, before and after it too.
    pub fn question(self, chance: &mut Chance) -> i64 {
        let point = chance.random_range(-3..self.points + 12);
        let time = self.base.saturating_add(self.grain * point);
        time.saturating_add(pick(chance, &[0, 0, 0, -1, 1]))
    }

    /// A span of a few points, not zero.
    pub fn span(self, chance: &mut Chance) -> TimeDelta {
        if chance.random_bool(0.03) {
            return TimeDelta::from_micros(i64::MAX - chance.random_range(0..2));
        }
        let beside = if chance.random_bool(0.1) { pick(chance, &[-1, 1]) } else { 0 };
        TimeDelta::from_micros((self.grain * chance.random_range(1..=self.points / 2) + beside).max(1))
    }

    /// A window.
    pub fn window(self, chance: &mut Chance) -> Window {
        let (width, offset) = (self.span(chance), self.span(chance));
        match chance.random_range(0..12) {
            0 => Window::Lifetime,
            1 | 2 => Window::Sliding { width, offset },
            3 => Window::Coarse { width, offset, resolution: self.span(chance) },
            4 => Window::Coarse { width, offset: TimeDelta::ZERO, resolution: self.span(chance) },
            5 => Window::Tumbling { width, offset: chance.random_range(1..4) },
            6 => Window::Tumbling { width, offset: 0 },
            7 | 8 => Window::Session { gap: self.span(chance) },
            _ => Window::Sliding { width, offset: TimeDelta::ZERO },
        }
    }

    /// A record timestamp about the time an event happened at, often a little later, in milliseconds.
    pub fn logged_ms(self, chance: &mut Chance, time: i64) -> i64 {
        let late = self.grain.saturating_mul(pick(chance, &[0, 0, 0, 1, 5, -2, -6]));
        time.saturating_add(late).div_euclid(1_000)
    }
}
