//! Memory under pressure: exhausted, recycled at random, reused by long loops. What is computed must not depend on whose
//! buffer it is computed in.

use pollster::block_on;
use ridgepoint::run::{Options, Recording};
use ridgepoint::{DType, Device, Error, Tensor, wgpu};

/// A small generator: the tests need variety, not quality.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// A host's device and the guest on it; the host submits when it likes.
fn host() -> (wgpu::Device, wgpu::Queue, Device) {
    let adapter = crate::host_adapter();
    let (device, queue) =
        block_on(adapter.request_device(&wgpu::DeviceDescriptor::default())).expect("the default limits");
    let guest = Device::adopt(&adapter, device.clone(), queue.clone()).expect("the requirements are met");
    (device, queue, guest)
}

/// Whole numbers far below 2^24, so every way of computing is exact.
#[derive(Clone)]
struct Known {
    tensor: Tensor,
    values: Vec<f32>,
    /// Recorded in an encoder that is not submitted yet.
    pending: bool,
    /// Its recording was dropped: it can be recorded on, never read.
    forgotten: bool,
}

impl Known {
    fn unreadable(&self) -> bool {
        self.pending || self.forgotten
    }
}

struct World {
    device: wgpu::Device,
    queue: wgpu::Queue,
    guest: Device,
    dice: Dice,
    known: Vec<Known>,
    encoder: Option<wgpu::CommandEncoder>,
    recordings: Vec<Recording>,
}

/// Lengths that share size classes and lengths that do not.
const LENGTHS: [usize; 4] = [1, 60, 64, 300];

impl World {
    fn new(seed: u64) -> Self {
        let (device, queue, guest) = host();
        Self { device, queue, guest, dice: Dice(seed), known: Vec::new(), encoder: None, recordings: Vec::new() }
    }

    fn upload(&mut self) {
        let n = LENGTHS[self.dice.roll(LENGTHS.len())];
        let first = self.dice.roll(100) as f32;
        let values: Vec<f32> = (0..n).map(|i| first + i as f32).collect();
        let tensor = self.guest.tensor(&values, [n]);
        self.known.push(Known { tensor, values, pending: false, forgotten: false });
    }

    /// A new tensor from known ones, not computed yet.
    fn derive(&mut self) -> Known {
        let a = self.known[self.dice.roll(self.known.len())].clone();
        let mates: Vec<&Known> = self.known.iter().filter(|k| k.values.len() == a.values.len()).collect();
        let b = mates[self.dice.roll(mates.len())].clone();
        let c = self.dice.roll(7) as f32;
        let n = a.values.len();
        let pairs = || a.values.iter().zip(&b.values);
        let (tensor, values): (Tensor, Vec<f32>) = match self.dice.roll(5) {
            0 => (&a.tensor + f64::from(c), a.values.iter().map(|x| x + c).collect()),
            1 => (&a.tensor - &b.tensor, pairs().map(|(x, y)| x - y).collect()),
            2 => (a.tensor.flip(0) + &b.tensor * 0.0, a.values.iter().rev().copied().collect()),
            3 => (a.tensor.minimum(&b.tensor) + f64::from(c), pairs().map(|(x, y)| x.min(*y) + c).collect()),
            // more than one dispatch where rows do not fit one
            _ => {
                let least = a.values.iter().copied().fold(f32::INFINITY, f32::min);
                (&b.tensor - a.tensor.min(0), b.values.iter().map(|y| y - least).collect())
            }
        };
        assert_eq!(values.len(), n);
        // keep the numbers small for ever
        if values.iter().any(|v| v.abs() > 1e5) {
            return Known { tensor: &a.tensor * 0.0, values: vec![0.0; n], pending: a.unreadable(), forgotten: false };
        }
        Known { tensor, values, pending: a.unreadable() || b.unreadable(), forgotten: false }
    }

    fn encode(&mut self) {
        let mut fresh = self.derive();
        let encoder = self.encoder.get_or_insert_with(|| self.device.create_command_encoder(&Default::default()));
        let recording = self.guest.encode(&[&fresh.tensor], encoder).expect("records");
        fresh.pending = true;
        if self.dice.roll(4) > 0 {
            self.recordings.push(recording);
        } else {
            fresh.forgotten = true;
        }
        fresh.tensor = fresh.tensor.leaf().expect("recorded");
        self.known.push(fresh);
    }

    fn submit(&mut self) {
        let Some(encoder) = self.encoder.take() else { return };
        self.queue.submit([encoder.finish()]);
        let keep = self.dice.roll(4) > 0;
        for recording in self.recordings.drain(..) {
            if keep {
                recording.submitted();
            }
        }
        if keep {
            self.known.iter_mut().for_each(|k| k.pending = false);
        } else {
            // forgotten: buffers are freed, results stay unreadable
            self.known.retain(|k| !k.pending);
        }
    }

    fn eval(&mut self) {
        let mut fresh = self.derive();
        match fresh.tensor.eval() {
            Ok(()) => {
                fresh.tensor = fresh.tensor.leaf().expect("computed");
                self.known.push(fresh);
            }
            Err(error) => assert!(fresh.pending, "{error}"),
        }
    }

    fn read(&mut self) {
        let one = self.known[self.dice.roll(self.known.len())].clone();
        match one.tensor.read_blocking::<f32>() {
            Ok(values) => assert!(values == one.values && !one.unreadable()),
            Err(error) => assert!(one.unreadable(), "{error}"),
        }
    }

    fn step(&mut self) {
        if self.known.len() < 3 {
            return self.upload();
        }
        match self.dice.roll(12) {
            0 => self.upload(),
            1..=3 => self.encode(),
            4..=5 => self.eval(),
            6 => self.submit(),
            7..=8 => self.read(),
            9 if self.dice.roll(5) == 0 => self.guest.trim(),
            _ => {
                let at = self.dice.roll(self.known.len());
                self.known.swap_remove(at);
            }
        }
        if self.known.len() > 40 {
            self.known.drain(..20);
        }
    }
}

#[test]
fn random_programs_of_a_host_and_its_guest_agree_with_arithmetic() {
    for seed in 0..6 {
        let mut world = World::new(seed);
        for _ in 0..400 {
            world.step();
        }
        world.submit();
        for one in world.known.iter().filter(|one| !one.forgotten) {
            assert_eq!(one.tensor.read_blocking::<f32>().expect("reads"), one.values, "seed {seed}");
        }
        let stats = world.guest.stats();
        assert!(stats.plan_hits > stats.plan_misses, "structures repeat: {stats:?}");
        world.known.clear();
        assert_eq!(world.guest.memory().live, 0, "seed {seed}: nothing is held any more");
    }
}

#[test]
fn a_long_loop_holds_its_memory() {
    let device = Device::open_blocking(Options::default()).expect("an adapter");
    let mut x = device.tensor(&vec![1.0f32; 5000], [5000]);
    let mut high = None;
    for step in 0..300 {
        let y = &x * 0.5 + 1.0;
        let z = (&y - y.sum(0) * 0.0).sqrt();
        device.eval(&[&z]).expect("runs");
        x = z.leaf().expect("computed");
        if step == 10 {
            high = Some((device.memory().peak, device.memory().allocations));
        }
    }
    assert_eq!(Some((device.memory().peak, device.memory().allocations)), high);
    assert!(x.read_blocking::<f32>().expect("reads").iter().all(|v| v.is_finite()));
}

/// Results that nobody keeps are computed into memory that somebody else gets next.
#[test]
fn unread_results_do_not_disturb_kept_ones() {
    let device = Device::open_blocking(Options::default()).expect("an adapter");
    let x = device.tensor(&(0..1000).map(|i| i as f32).collect::<Vec<_>>(), [1000]);
    let kept: Vec<(Tensor, f32)> = (0..20)
        .map(|i| {
            let y = &x + f64::from(i);
            y.eval().expect("runs");
            for j in 0..3 {
                (&x * f64::from(j)).eval().expect("runs");
            }
            (y, i as f32)
        })
        .collect();
    for (y, add) in kept {
        let values = y.read_blocking::<f32>().expect("reads");
        assert!(values.iter().enumerate().all(|(i, v)| *v == i as f32 + add));
    }
}

/// The name by which the test below runs itself in a process of little memory.
#[cfg(unix)]
const CHILD: &str = "RIDGEPOINT_TEST_LITTLE_MEMORY";

/// Memory ends for a software adapter where the process's address space ends, so the test runs once more in a process
/// that has little of it. Buffers are only recorded, never written: nothing is taken from the machine.
#[cfg(unix)]
#[test]
fn out_of_memory_is_an_error_and_memory_freed_is_memory_again() {
    if std::env::var_os(CHILD).is_some() {
        return exhaust();
    }
    let (_, _, guest) = host();
    if guest.info().kind != "software" {
        eprintln!("not tested: {} is not bounded by the address space", guest.name());
        return;
    }
    let status = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 6000000 && exec \"$0\" --exact --nocapture \"$1\""])
        .arg(std::env::current_exe().expect("the test program"))
        .arg("memory::out_of_memory_is_an_error_and_memory_freed_is_memory_again")
        .env(CHILD, "1")
        .output()
        .expect("a shell");
    let text = [status.stdout, status.stderr].concat();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&text));
}

#[cfg(unix)]
fn exhaust() {
    let (device, queue, guest) = host();
    let n = (guest.limits().binding_bytes.min(128 << 20) / 4) as usize;
    let small = guest.tensor(&[1.0f32, 2.0], [2]);
    small.read_blocking::<f32>().expect("reads");
    let mut encoder = device.create_command_encoder(&Default::default());
    let mut recorded = Vec::new();
    let error = loop {
        let big = guest.full([n], recorded.len() as f64, DType::F32);
        match guest.encode(&[&big], &mut encoder) {
            Ok(recording) => recorded.push((recording, big)),
            Err(error) => break error,
        }
        assert!(recorded.len() < 100, "the address space does not end");
    };
    assert!(recorded.len() > 2, "some fit: {error}");
    let Error::OutOfMemory { bytes, what } = &error else { panic!("{error:?}") };
    assert!(*bytes >= n as u64 * 4 && what.contains("memory.rs"), "{error}");
    // the device is intact: what is there can be used, and what failed can be tried again
    guest.check().expect("not lost");
    assert_eq!((&small + 1.0).read_blocking::<f32>().expect("runs"), [2.0, 3.0]);
    drop((recorded, encoder));
    queue.submit([]);
    let again = guest.full([n], 5.0, DType::F32);
    again.eval().expect("there is memory again");
    assert_eq!(again.max_all_is(5.0), Ok(true));
}

/// A check without reading it all back.
trait AllAre {
    fn max_all_is(&self, value: f32) -> Result<bool, String>;
}

impl AllAre for Tensor {
    fn max_all_is(&self, value: f32) -> Result<bool, String> {
        let ends = [self.max(0), self.min(0)];
        let read = |t: &Tensor| t.item_blocking::<f32>().map_err(|e| e.to_string());
        Ok(read(&ends[0])? == value && read(&ends[1])? == value)
    }
}

#[test]
fn sizes_beyond_the_limits_are_refused_and_at_the_limit_accepted() {
    let device = Device::open_blocking(Options { portable_limits: true, ..Options::default() }).expect("an adapter");
    let limit = (device.limits().binding_bytes / 4) as usize;
    let over = device.full([limit + 4], 1.0, DType::F32);
    let error = over.eval().expect_err("4 elements too many");
    assert!(matches!(error, Error::Limit { .. }) && error.to_string().contains("memory.rs"), "{error}");
    let at = device.full([limit], 1.0, DType::F32);
    assert_eq!(at.max_all_is(1.0), Ok(true));
    at.eval().expect("fits exactly");
}
