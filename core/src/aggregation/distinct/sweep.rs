//! Sketches over ranges that slide.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};

use crate::Lane;
use crate::pass::{Pass, Sliding, slide};

use super::estimate::Runs;
use super::{Mark, REGISTERS};

/// The estimates over every range of `pass`.
pub(super) fn sweep(pass: &Pass<'_>) -> ArrayRef {
    let lane = Lane::of(pass.values()).expect("the types of inputs were checked");
    let marks: Vec<Mark> = (0..pass.values().len()).map(|event| Mark::of(&lane, event)).collect();
    let mut window = Window { marks: &marks, registers: vec![VecDeque::new(); REGISTERS], runs: Runs::new() };
    let mut estimates = Vec::with_capacity(pass.ranges.len());
    let mut last = 0;
    slide(pass.ranges, &mut window, |window, is_changed| {
        if is_changed {
            last = window.runs.estimate();
        }
        estimates.push(last);
    });
    Arc::new(Int64Array::from(estimates))
}

/// The registers of the events of a range, with what will be in them once events have left.
struct Window<'a> {
    marks: &'a [Mark],
    /// For each register the events whose runs can still become its longest: each longer than all that come after
    /// it, so the longest is in front. Every event enters and leaves one of them once.
    registers: Vec<VecDeque<u32>>,
    runs: Runs,
}

impl Window<'_> {
    /// Changes the register of `event` by `change`, and the counts with it.
    fn change(&mut self, event: usize, change: impl FnOnce(&mut VecDeque<u32>, &[Mark])) {
        let register = &mut self.registers[usize::from(self.marks[event].register)];
        let run =
            |register: &VecDeque<u32>| register.front().map_or(0, |event| self.marks[*event as usize].run);
        let before = run(register);
        change(register, self.marks);
        let after = run(register);
        if before != after {
            self.runs.change(before, after);
        }
    }
}

impl Sliding for Window<'_> {
    fn clear(&mut self, range: Range<usize>) {
        self.leave(range);
    }

    fn enter(&mut self, events: Range<usize>) {
        for event in events {
            self.change(event, |register, marks| {
                let run = marks[event].run;
                while register.back().is_some_and(|last| marks[*last as usize].run <= run) {
                    register.pop_back();
                }
                register.push_back(event as u32);
            });
        }
    }

    fn leave(&mut self, events: Range<usize>) {
        for event in events {
            self.change(event, |register, _| {
                if register.front() == Some(&(event as u32)) {
                    register.pop_front();
                }
            });
        }
    }
}
