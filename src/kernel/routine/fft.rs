//! Fourier transforms of power-of-two lengths, in passes of up to 1024 elements that stay in workgroup memory: one pass up to that
//! length, two up to a million, and so on.

use super::{Steps, flag, kernel, word};
use crate::kernel::Operand;

/// Elements in the memory of a workgroup.
const HELD: usize = 1024;

/// `x: [rows, n, 2]`.
pub(super) fn lower(steps: &mut Steps<'_>, [rows, n]: [usize; 2], inverse: bool) -> Result<(), String> {
    let digits = n.trailing_zeros() as usize;
    let n_passes = digits.div_ceil(HELD.trailing_zeros() as usize).max(1);
    let mut buffers = vec![Operand::Source(0)];
    for _ in 1..n_passes.min(3) {
        buffers.push(steps.scratch((rows * n * 2) as u64)?);
    }
    let mut stride = 1;
    for pass in 0..n_passes {
        // The digits are shared out evenly.
        let length = 1usize << (digits * (pass + 1) / n_passes - digits * pass / n_passes);
        let lines = n / length;
        let held = (HELD / length).min((rows * lines).next_power_of_two());
        // Where a barrier is dear, few invocations are better.
        let most = steps.limits.lanes(steps.limits.tune().fft_lanes);
        let lanes = (length * held / 2).clamp(1, most);
        let overrides = vec![
            ("WG", lanes as f64),
            ("LENGTH", length as f64),
            ("LINES", held as f64),
            ("INVERSE", flag(inverse)),
            ("ROWWISE_IN", flag(lines == 1)),
            ("ROWWISE_OUT", flag(stride == 1)),
        ];
        let label = format!("fft/f32/n{length}x{held}");
        let one = kernel("fft", label, &[], overrides, (1, 1));
        let words = vec![word(n), word(lines), word(stride), word(rows * lines)];
        let (source, target) = match pass {
            0 => (Operand::Source(0), if n_passes == 1 { Operand::Result } else { buffers[1] }),
            _ => {
                let from = buffers[1 + (pass - 1) % (buffers.len() - 1)];
                let into = if pass + 1 == n_passes { Operand::Result } else { buffers[1 + pass % (buffers.len() - 1)] };
                (from, into)
            }
        };
        steps.dispatch(one, vec![source, target], words, (rows * lines).div_ceil(held) as u64)?;
        stride *= length;
    }
    Ok(())
}
