//! How a penalty divides coefficients into blocks for [`coordinate`](super::coordinate).

use crate::error::{Error, Result, Site};
use crate::graph::{Fill, Routine, Scatter};
use crate::penalty::{Part, Penalty};
use crate::tensor::Tensor;

/// The blocks of the coefficients: of one size, short ones filled up with columns of zeros.
pub(super) struct Blocks {
    pub size: usize,
    /// `[blocks * size]`: the coefficient of each place, the number of coefficients where there is none.
    places: Vec<usize>,
    pub l1: Vec<f64>,
    pub l2: Vec<f64>,
}

impl Blocks {
    pub fn of(penalty: &Penalty, p: usize) -> Result<Blocks> {
        let parts = penalty.parts()?;
        let refuse = |message: String| {
            let hint = "it takes l1, l2, elastic-net or none, on elements or on groups; use `fista` for others";
            Err(Error::argument("coordinate_descent", message, hint, Site::here()))
        };
        let strengths = |part: &Part| -> Option<[f64; 2]> {
            let [first, second, ..] = part.parameters;
            let pair = match part.of.name {
                "l1" => [first, 0.0],
                "l2" => [0.0, first],
                "elastic-net" => [first, second],
                _ => return None,
            };
            Some(pair.map(|x| x * part.weight))
        };
        match (&parts.elements, &parts.groups) {
            (Some(_), Some(_)) => refuse(format!("{penalty} acts on elements and on groups")),
            (None, None) => Ok(Blocks { size: 1, places: (0..p).collect(), l1: vec![0.0; p], l2: vec![0.0; p] }),
            (Some(part), None) => match strengths(part) {
                Some([l1, l2]) => Ok(Blocks { size: 1, places: (0..p).collect(), l1: vec![l1; p], l2: vec![l2; p] }),
                None => refuse(format!("penalty {penalty}")),
            },
            (None, Some((part, groups))) => {
                let Some([l1, l2]) = strengths(part) else { return refuse(format!("penalty {penalty}")) };
                if groups.n_members() != p {
                    return refuse(format!("groups of {} coefficients for {p} columns", groups.n_members()));
                }
                let size = groups.members().iter().map(Vec::len).max().unwrap_or(1).max(1);
                if size > Routine::MOST / 2 {
                    return refuse(format!("a group of {size} coefficients"));
                }
                let filled = |members: &Vec<usize>| {
                    let short = size - members.len();
                    members.iter().copied().chain(std::iter::repeat_n(p, short)).collect::<Vec<_>>()
                };
                let weights = groups.weights().unwrap_or_else(|| vec![1.0; groups.len()]);
                Ok(Blocks {
                    size,
                    places: groups.members().iter().flat_map(filled).collect(),
                    l1: weights.iter().map(|w| w * l1).collect(),
                    l2: weights.iter().map(|w| w * l2).collect(),
                })
            }
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.l1.len()
    }

    /// Blocks of a working set at most: a power of two, so that sets of a growing size have few structures.
    pub fn most(&self) -> usize {
        let room = Routine::MOST / self.size;
        self.len().min(if room.is_power_of_two() { room } else { room.next_power_of_two() / 2 })
    }

    /// Whether the coefficients lie as in others.
    pub fn same_places(&self, other: &Blocks) -> bool {
        self.size == other.size && self.places == other.places
    }

    fn places(&self, like: &Tensor) -> Tensor {
        let places: Vec<u32> = self.places.iter().map(|&ix| ix as u32).collect();
        like.device().tensor(&places, [places.len()])
    }

    /// Rows of coefficients `[p, ..]` by place; zeros where a place has none.
    pub fn gather(&self, rows: &Tensor) -> Tensor {
        rows.pad([(0, 1), (0, 0)], Fill::Zero).index_select(0, &self.places(rows))
    }

    /// The reverse of it for one number per place: `[p]`.
    pub fn scatter(&self, found: &Tensor, p: usize) -> Tensor {
        // what was filled up goes beyond the end and is cut off
        let all = found.device().zeros([p + 1]);
        all.index_scatter(0, &self.places(found), found, Scatter::Replace).slice(0, ..p)
    }
}
