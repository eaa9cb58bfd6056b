//! Laws of separable penalties at their kinks. The bound of the reference lets the device round parameters and coefficients,
//! which moves a coefficient off a kink: what holds at the kink only is judged here, where both are the same number.

use super::case::ANY;
use super::laws::{Draw, Law, Sides, carried};
use crate::penalty::{self, Parameters, Penalty, ROUNDING, Separable};
use crate::tensor::Tensor;

/// Slopes tried at each kink.
const SLOPES: usize = 256;

/// The kinks at these parameters, which are a few, or some of very many.
fn kinks(of: &Separable, p: &Parameters) -> Vec<f64> {
    (of.kinks)(p).into_iter().take(4).collect()
}

/// The distances from the subdifferential at each kink, and the values at those within the domain, are the formula's.
fn judge(of: &Separable, sets: &[Parameters], read: &[Vec<f64>]) -> Result<(), String> {
    let slopes = &read[0];
    for (p, read) in sets.iter().zip(read[1..].chunks(2)) {
        let kinks = kinks(of, p);
        for (&x, found) in kinks.iter().zip(read[0].chunks(SLOPES)) {
            for (&g, &found) in slopes.iter().zip(found) {
                let want = of.distance(x, g, p);
                let holds = (found - want).abs() <= ROUNDING * (g.abs() + want);
                if !holds && found != want {
                    return Err(format!("at {x} the distance of slope {g} is {found}, not {want} (parameters {p:?})"));
                }
            }
        }
        for (&x, &found) in kinks.iter().zip(&read[1]) {
            let want = (of.value)(x, p);
            if (found - want).abs() > ROUNDING * want.abs() {
                return Err(format!("at {x} the value is {found}, not {want} (parameters {p:?})"));
            }
        }
    }
    Ok(())
}

fn of(of: &'static Separable) -> Law {
    let sets: Vec<Parameters> = [of.defaults()].into_iter().chain(of.samples.iter().copied()).collect();
    let sets: Vec<Parameters> = sets.into_iter().filter(|p| !kinks(of, p).is_empty()).collect();
    Law::new(format!("law: {} at its kinks", of.name), move |d: &mut Draw<'_>| {
        let g = d.leaf(ANY, &[SLOPES]);
        let mut read = vec![g.clone()];
        for p in &sets {
            let named = of.parameters.iter().zip(p);
            let start = Penalty::named(of.name);
            let penalty = start.map(|start| named.fold(start, |all, (of, &value)| all.with(of.name, value)));
            let at: Vec<f32> = kinks(of, p).into_iter().map(|x| x as f32).collect();
            let n = at.len();
            let each = d.device().tensor(&at, [n, 1]);
            match penalty.and_then(Penalty::check) {
                Ok(penalty) => {
                    let (all, slopes) = (each.broadcast_to([n, SLOPES]), g.broadcast_to([n, SLOPES]));
                    let values: Vec<Tensor> = (0..n).map(|ix| penalty.value(&each.slice(0, ix..=ix))).collect();
                    let values = Tensor::stack(&values.iter().collect::<Vec<_>>(), 0).map(|values| vec![values]);
                    read.extend([penalty.distance(&all, &slopes), carried(&each, values)]);
                }
                Err(error) => read.push(Tensor::new(d.device(), Err(error))),
            }
        }
        let sets = sets.clone();
        Sides::Host(read, Box::new(move |read| judge(of, &sets, read)))
    })
}

/// All.
pub(super) fn all() -> impl Iterator<Item = Law> {
    penalty::all().filter(|separable| !(separable.kinks)(&separable.defaults()).is_empty()).map(of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Device;

    #[test]
    fn a_wrong_distance_or_value_at_a_kink_is_said() {
        let of = penalty::all().find(|of| of.name == "bounds").expect("a penalty");
        let sets = [of.defaults()];
        let right = |distances: Vec<f64>, values: Vec<f64>| judge(of, &sets, &[vec![1.0; SLOPES], distances, values]);
        // -1 is a normal at the lower end, and 1 away from the normals at the upper one
        let distances: Vec<f64> = [[0.0; SLOPES], [1.0; SLOPES]].concat();
        assert_eq!(right(distances.clone(), vec![0.0; 2]), Ok(()));
        assert!(right(distances.iter().map(|d| d + 0.001).collect(), vec![0.0; 2]).is_err());
        assert!(right(distances, vec![0.0, 0.125]).is_err());
    }

    #[test]
    fn every_penalty_obeys() {
        let device = Device::open_blocking(Default::default()).expect("the CPU device at least");
        for law in all() {
            let outcome = pollster::block_on(law.judge(&device, 0));
            assert!(outcome.passed, "{}: {:?}", law.name, outcome.error);
        }
    }
}
