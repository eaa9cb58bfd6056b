//! Numbers of 16 bits by the adapter's own arithmetic.

use half::f16;
use ridgepoint::run::{Adapter, Options};
use ridgepoint::{DType, Device, Tensor};

/// Every adapter that has it, as it is and with its own arithmetic.
fn devices() -> Vec<[Device; 2]> {
    let summaries = Device::adapters_blocking().into_iter();
    let able = summaries.filter(|s| s.features.iter().any(|f| f == "SHADER_F16"));
    let open = |name: &str, half| {
        let adapter = Adapter::Named(name.to_owned());
        Device::open_blocking(Options { adapter, half, ..Options::default() }).unwrap()
    };
    let found: Vec<_> = able.map(|s| [false, true].map(|half| open(&s.to_string(), half))).collect();
    assert!(!found.is_empty(), "the CPU device has it");
    found
}

/// Every pattern, beside one that is reached by a step which is odd.
fn patterns(device: &Device) -> [Tensor; 2] {
    let of = |step: u16, start: u16| {
        let bits = (0..=u16::MAX).map(|i| f16::from_bits(i.wrapping_mul(step).wrapping_add(start)));
        device.tensor(&bits.collect::<Vec<_>>(), [1 << 16])
    };
    [of(1, 0), of(40_503, 12_345)]
}

fn results([a, b]: &[Tensor; 2]) -> Vec<Tensor> {
    let row = a.slice(0, 0..256);
    let table = b.reshape([256, 256]);
    vec![
        a.add(b).cast(DType::F16),
        a.sub(b).cast(DType::F16),
        a.mul(b).cast(DType::F16),
        a.mul(b).cast(DType::F16).add(a).cast(DType::F16),
        table.add(&row).cast(DType::F16),
        // more digits than 16 bits have, and other functions: as without
        a.mul(0.1).add(b).cast(DType::F16),
        a.div(b).cast(DType::F16),
        a.slice(0, 1..1000).cast(DType::F32),
    ]
}

#[test]
fn native_arithmetic_gives_the_same_numbers() {
    for [plain, native] in devices() {
        let [want, got] = [&plain, &native].map(|device| results(&patterns(device)));
        for (ix, (want, got)) in want.iter().zip(&got).enumerate() {
            let report = native.verify_blocking(&[got]).unwrap();
            assert!(report.passed(), "result {ix} on {}: {:?}", native.name(), report.verdicts);
            let [want, got] = [want, got].map(|t| t.cast(DType::F32).read_blocking::<f32>().unwrap());
            let differ = |a: f32, b: f32| a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan());
            let found = want.iter().zip(&got).position(|(&a, &b)| differ(a, b) && a.abs() >= 6.2e-5);
            assert_eq!(found, None, "result {ix} on {}", native.name());
        }
    }
}

#[test]
fn it_is_used_where_it_is_asked_for_and_rounds_alike() {
    for [plain, native] in devices() {
        let texts = |device: &Device, ix: usize| -> String {
            let plan = device.plan(&[&results(&patterns(device))[ix]]).unwrap();
            plan.steps.iter().map(|s| s.kernel.wgsl.as_str()).collect()
        };
        for (ix, name) in ["half_add(", "half_sub(", "half_mul(", "half_add(", "half_add("].iter().enumerate() {
            assert!(texts(&native, ix).contains(name), "{}", texts(&native, ix));
            assert!(!texts(&plain, ix).contains("enable f16"), "{}", texts(&plain, ix));
        }
        for ix in 5..8 {
            let text = texts(&native, ix);
            assert!(!text.contains("enable f16") && text.contains("half_from("), "{text}");
        }
    }
}

#[test]
fn a_device_without_it_is_refused() {
    let adapter = crate::host_adapter();
    let descriptor =
        ridgepoint::wgpu::DeviceDescriptor { required_limits: Device::requirements().1, ..Default::default() };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).unwrap();
    let options = Options { half: true, ..Options::default() };
    let error = Device::adopt_with(&adapter, device, queue, &options).unwrap_err().to_string();
    assert!(error.contains("SHADER_F16") && error.contains("half"), "{error}");
}
