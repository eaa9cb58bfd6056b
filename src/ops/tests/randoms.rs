use super::*;
use crate::ops::Key;
use crate::reference::integer;

#[test]
fn keys_derive_by_philox() {
    // Word for word the reference's generator, which is tested against Random123's own answers.
    let (a, b) = Key::new(0x0123_4567_89AB_CDEF).split();
    let bits = |key: Key| values(&key.bits(device(), [3]));
    assert_ne!(bits(a), bits(b));
    let derived = integer::philox([0x89AB_CDEF, 0x0123_4567], [0, 0, 0, 1]);
    let want: Vec<f64> =
        (0..3).map(|i| f64::from(integer::philox([derived[0], derived[1]], [i, 0, 0, 0])[0])).collect();
    assert_eq!(bits(a), want);
    let key = Key::new(7);
    assert_eq!(key.split_into(2), [key.split().0, key.split().1]);
    assert_ne!(key.fold_in(0), key.split().0);
    assert_ne!(key.fold_in(0), key.fold_in(1));
}

/// The mean of `n` numbers of variance `v` is within five standard errors of `m`.
#[track_caller]
fn mean_is(x: &[f64], m: f64, v: f64) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let error = (v / x.len() as f64).sqrt();
    assert!((mean - m).abs() < 5.0 * error, "mean {mean}, want {m} within {}", 5.0 * error);
}

#[test]
fn distributions_have_their_moments() {
    let n = 4000;
    let keys = Key::new(1).split_into(6);
    let u = values(&keys[0].uniform(device(), [n]));
    assert!(u.iter().all(|x| (0.0..1.0).contains(x)));
    mean_is(&u, 0.5, 1.0 / 12.0);
    let z = values(&keys[1].normal(device(), [40, 100]));
    mean_is(&z, 0.0, 1.0);
    mean_is(&z.iter().map(|x| x * x).collect::<Vec<_>>(), 1.0, 2.0);
    mean_is(&z.iter().map(|x| x.powi(4)).collect::<Vec<_>>(), 3.0, 96.0);
    mean_is(&values(&keys[2].bernoulli(device(), [n], 0.3)), 0.3, 0.21);
    let i = values(&keys[3].randint(device(), [n], -3..4));
    assert!(i.iter().all(|x| (-3.0..4.0).contains(x) && x.fract() == 0.0));
    mean_is(&i, 0.0, 4.0);
    let dropped = values(&device().ones([n]).dropout(0.25, keys[4]));
    assert!(dropped.iter().all(|&x| x == 0.0 || (x - 4.0 / 3.0).abs() < 1e-9));
    mean_is(&dropped, 1.0, 1.0 / 3.0);
    check(&host(&[1.0f32, 2.0], [2]).dropout(1.0, keys[5]), &[2], &[0.0, 0.0]);
    check(&host(&[1.0f32, 2.0], [2]).dropout(0.0, keys[5]), &[2], &[1.0, 2.0]);
}

#[test]
fn integers_are_the_upper_word_of_a_product() {
    let key = Key::new(99);
    for range in [0..1, -5..1000, i32::MIN..i32::MAX, 0..i32::MAX] {
        let n = i64::from(range.end) - i64::from(range.start);
        let got = values(&key.randint(device(), [50], range.clone()));
        for (i, got) in got.into_iter().enumerate() {
            let words = integer::philox([99, 0], [i as u32, 0, 0, 0]);
            let random = u128::from(words[0]) << 32 | u128::from(words[1]);
            let want = i64::from(range.start) + ((random * n as u128) >> 64) as i64;
            assert_eq!(got, want as f64);
        }
    }
}

#[test]
fn categorical_follows_its_probabilities() {
    let logits = device().scalar(0.0).broadcast_to([4000, 1]).add(&host(&[0.1f32, 0.6, 0.3], [3]).log());
    let drawn = values(&logits.categorical(1, Key::new(3)));
    for (class, p) in [(0.0, 0.1), (1.0, 0.6), (2.0, 0.3)] {
        let hits: Vec<f64> = drawn.iter().map(|&c| f64::from(c == class)).collect();
        mean_is(&hits, p, p * (1.0 - p));
    }
    let certain = host(&[f32::NEG_INFINITY, 0.0], [1, 2]).broadcast_to([50, 2]);
    assert!(values(&certain.categorical(1, Key::new(4))).iter().all(|&c| c == 1.0));
}

#[test]
fn permutations_name_each_number_once() {
    for n in [0, 1, 2, 100] {
        let mut p = values(&Key::new(5).permutation(device(), n));
        p.sort_by(f64::total_cmp);
        assert_eq!(p, (0..n).map(|i| i as f64).collect::<Vec<_>>());
    }
}
