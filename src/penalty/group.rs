//! Groups of coefficients, and how they lie in a tensor.

use crate::error::{Error, Result};
use std::fmt;
use std::sync::Arc;

/// How strongly a penalty acts on each group: its value and its step are multiplied by the group's weight.
#[derive(Clone, PartialEq, Debug)]
pub enum GroupWeights {
    /// 1 for every group, as in celer and skglm.
    One,
    /// The square root of the number of coefficients in the group, as in Yuan and Lin (2006), grpreg and gglasso.
    Root,
    /// One number per group.
    Each(Vec<f64>),
}

/// A partition of `0..n` into groups; acts on the first axis of a coefficient tensor. In a tensor with more axes a group is
/// all elements of its rows: the group lasso over single rows of `[features, outputs]` is the multi-task lasso.
#[derive(Clone, PartialEq)]
pub struct Groups(Arc<Partition>);

#[derive(PartialEq)]
struct Partition {
    members: Vec<Vec<usize>>,
    weights: GroupWeights,
    n: usize,
}

impl Groups {
    /// Groups given by their members, in any order and of any sizes; together they must be `0..n`, each index once.
    ///
    /// # Errors
    /// No groups, an empty group, an index in two groups, an index left out below the greatest one.
    pub fn new(members: impl Into<Vec<Vec<usize>>>) -> Result<Groups> {
        let members = members.into();
        let n: usize = members.iter().map(Vec::len).sum();
        if n == 0 || members.iter().any(Vec::is_empty) {
            return Err(refuse("a group without members", "give every group at least one index"));
        }
        let top = members.iter().flatten().copied().max().unwrap_or(0);
        // With n members in all, the greatest index is n - 1 exactly if there is neither an overlap nor a gap; `owner`
        // is allocated for the members that exist, so that an absurd index costs no memory.
        let mut owner = vec![None; n];
        for (g, group) in members.iter().enumerate() {
            for &ix in group {
                match owner.get_mut(ix) {
                    None => {}
                    Some(slot @ None) => *slot = Some(g),
                    Some(Some(first)) => {
                        return Err(refuse(
                            format!("index {ix} is in group {first} and in group {g}"),
                            "groups must not overlap",
                        ));
                    }
                }
            }
        }
        if let Some(gap) = owner.iter().position(Option::is_none) {
            return Err(refuse(
                format!("index {gap} is in no group, but {top} is"),
                "groups must leave no gaps; give a single index a group of its own",
            ));
        }
        Ok(Groups(Arc::new(Partition { members, weights: GroupWeights::One, n })))
    }

    /// Consecutive groups of the given sizes.
    ///
    /// # Errors
    /// No sizes, or a size of 0.
    pub fn sizes(sizes: &[usize]) -> Result<Groups> {
        let mut start = 0;
        let members = sizes.iter().map(|&size| {
            start += size;
            (start - size..start).collect::<Vec<_>>()
        });
        Groups::new(members.collect::<Vec<_>>())
    }

    /// Consecutive groups of one size: `n / size` of them.
    ///
    /// # Errors
    /// `size` does not divide `n`, or either is 0.
    pub fn equal(n: usize, size: usize) -> Result<Groups> {
        if size == 0 || !n.is_multiple_of(size) {
            return Err(refuse(format!("{n} coefficients in groups of {size}"), "the size must divide the number"));
        }
        Groups::sizes(&vec![size; n / size])
    }

    /// `count` interleaved groups: `i`, `i + count`, `i + 2 count`, … for each `i` below `count`.
    ///
    /// # Errors
    /// `count` is 0, or there are fewer than `count` coefficients.
    pub fn strided(n: usize, count: usize) -> Result<Groups> {
        if count == 0 || n < count {
            return Err(refuse(format!("{n} coefficients in {count} groups"), "every group needs a coefficient"));
        }
        Groups::new((0..count).map(|i| (i..n).step_by(count).collect()).collect::<Vec<_>>())
    }

    /// The same groups with other weights (default: [`GroupWeights::One`]).
    ///
    /// # Errors
    /// A weight that is negative or not finite, or not one weight per group.
    pub fn weighted(&self, weights: GroupWeights) -> Result<Groups> {
        if let GroupWeights::Each(list) = &weights {
            if list.len() != self.len() {
                return Err(refuse(
                    format!("{} weights for {} groups", list.len(), self.len()),
                    "give one weight per group",
                ));
            }
            if let Some(odd) = list.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
                return Err(refuse(format!("group weight {odd}"), "weights must be finite and not negative"));
            }
        }
        Ok(Groups(Arc::new(Partition { members: self.0.members.clone(), weights, n: self.0.n })))
    }

    /// The number of groups.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one group")]
    pub fn len(&self) -> usize {
        self.0.members.len()
    }

    /// The number of coefficients in all groups.
    #[must_use]
    pub fn n_members(&self) -> usize {
        self.0.n
    }

    /// The members of each group.
    #[must_use]
    pub fn members(&self) -> &[Vec<usize>] {
        &self.0.members
    }

    /// The weight of each group, or `None` if all are 1.
    #[must_use]
    pub fn weights(&self) -> Option<Vec<f64>> {
        match &self.0.weights {
            GroupWeights::One => None,
            GroupWeights::Root => Some(self.0.members.iter().map(|m| (m.len() as f64).sqrt()).collect()),
            GroupWeights::Each(list) => Some(list.clone()),
        }
    }

    /// The rule of the weights.
    #[must_use]
    pub fn kind(&self) -> &GroupWeights {
        &self.0.weights
    }

    /// The common size, if the groups are consecutive runs of one size: then a reshape does what a gather does otherwise.
    pub(super) fn regular(&self) -> Option<usize> {
        let size = self.0.members[0].len();
        let mut next = 0..;
        self.0
            .members
            .iter()
            .all(|m| m.len() == size && m.iter().zip(&mut next).all(|(&ix, n)| ix == n))
            .then_some(size)
    }

    /// The greatest size.
    pub(super) fn width(&self) -> usize {
        self.0.members.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// `[groups, width]`: the members, rows padded with `n`.
    pub(super) fn index(&self) -> Vec<u32> {
        let width = self.width();
        let row = |m: &Vec<usize>| (0..width).map(|i| m.get(i).map_or(self.0.n, |&ix| ix) as u32).collect::<Vec<_>>();
        self.0.members.iter().flat_map(row).collect()
    }

    /// `[n]`: the group of each coefficient.
    pub(super) fn owner(&self) -> Vec<u32> {
        let mut owner = vec![0; self.0.n];
        for (g, group) in self.0.members.iter().enumerate() {
            for &ix in group {
                owner[ix] = g as u32;
            }
        }
        owner
    }
}

fn refuse(message: impl Into<String>, hint: &str) -> Error {
    Error::input("groups", message, hint)
}

impl fmt::Display for Groups {
    /// As in a specification: `0-3|4-7|8+10+12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (g, group) in self.0.members.iter().enumerate() {
            if g > 0 {
                f.write_str("|")?;
            }
            let mut at = 0;
            while at < group.len() {
                let run = group[at..].iter().enumerate().take_while(|&(i, &ix)| ix == group[at] + i).count();
                if at > 0 {
                    f.write_str("+")?;
                }
                match run {
                    1 => write!(f, "{}", group[at])?,
                    _ => write!(f, "{}-{}", group[at], group[at] + run - 1)?,
                }
                at += run;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_gaps_and_nothing_are_refused_by_name() {
        let text = |m: Vec<Vec<usize>>| Groups::new(m).unwrap_err().to_string();
        assert!(text(vec![vec![0, 1], vec![1, 2]]).contains("index 1 is in group 0 and in group 1"));
        assert!(text(vec![vec![0, 1], vec![3]]).contains("index 2 is in no group, but 3 is"));
        assert!(text(vec![vec![0, usize::MAX]]).contains("index 1 is in no group"));
        assert!(text(vec![vec![0], vec![]]).contains("without members"));
        assert!(text(vec![]).contains("without members"));
        assert!(Groups::strided(2, 3).is_err() && Groups::strided(2, 0).is_err());
        assert_eq!(Groups::strided(5, 2).unwrap().to_string(), "0+2+4|1+3");
        assert!(Groups::equal(10, 3).is_err() && Groups::equal(10, 0).is_err() && Groups::equal(0, 3).is_err());
    }

    #[test]
    fn regular_groups_are_recognised() {
        assert_eq!(Groups::equal(12, 3).unwrap().regular(), Some(3));
        assert_eq!(Groups::sizes(&[2, 3]).unwrap().regular(), None);
        assert_eq!(Groups::new(vec![vec![1, 0], vec![2, 3]]).unwrap().regular(), None);
        let odd = Groups::new(vec![vec![0, 2, 3], vec![1]]).unwrap();
        assert_eq!((odd.index(), odd.owner()), (vec![0, 2, 3, 1, 4, 4], vec![0, 1, 0, 0]));
        assert_eq!(odd.to_string(), "0+2-3|1");
    }
}
