//! The scalar functions of `shaders/lib` on a driver, one by one, against f64 over the whole range of their arguments: the
//! promises of `reference::tol` hold for arguments of every exponent, for special values and around every threshold.
//!
//! `cargo test --test suite special -- --nocapture` prints the greatest errors; with `--ignored` the sweep is dense.

use ridgepoint::graph::Func;
use ridgepoint::kernel::{expr, library};
use ridgepoint::reference::{map, tol};
use ridgepoint::wgpu::{self, util::DeviceExt};
use ridgepoint::{DType, Device};

#[expect(clippy::too_many_lines, reason = "one dispatch by hand")]
/// The bits of `expression` of `x` (and `y`, `z`), named with their types, for each row of the inputs.
pub fn evaluate(device: &Device, expression: &str, types: &[DType], inputs: &[Vec<u32>]) -> Vec<u32> {
    let names = ["x", "y", "z"];
    let mut text = String::new();
    for (i, name) in names[..types.len()].iter().enumerate() {
        text += &format!("@group(0) @binding({i}) var<storage, read> in_{name}: array<u32>;\n");
    }
    text += &format!("@group(0) @binding({}) var<storage, read_write> out: array<u32>;\n", types.len());
    text += "@compute @workgroup_size(64)\nfn main(@builtin(global_invocation_id) gid: vec3<u32>) {\n";
    text += "    let i = gid.x;\n    if (i >= arrayLength(&out)) { return; }\n";
    for (name, dtype) in names.iter().zip(types) {
        text += &format!("    let {name} = {};\n", expr::from_word(*dtype, &format!("in_{name}[i]")));
    }
    text += &format!("    out[i] = {expression};\n}}\n");
    let wgsl = library::link(&text);
    let (wgpu_device, queue) = (device.wgpu_device(), device.wgpu_queue());
    let module = wgpu_device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(expression),
        source: wgpu::ShaderSource::Wgsl(wgsl.into()),
    });
    let pipeline = wgpu_device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(expression),
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    });
    let mut buffers: Vec<_> = inputs
        .iter()
        .map(|words| {
            wgpu_device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: None,
                contents: bytemuck::cast_slice(words),
                usage: wgpu::BufferUsages::STORAGE,
            })
        })
        .collect();
    let n = inputs[0].len();
    let buffer = |usage| {
        wgpu_device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 4 * n as u64,
            usage,
            mapped_at_creation: false,
        })
    };
    let out = buffer(wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
    let staging = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
    buffers.push(out);
    let entries: Vec<_> = buffers
        .iter()
        .enumerate()
        .map(|(i, b)| wgpu::BindGroupEntry { binding: i as u32, resource: b.as_entire_binding() })
        .collect();
    let group = wgpu_device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    });
    let mut encoder = wgpu_device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(n.div_ceil(64) as u32, 1, 1);
    }
    encoder.copy_buffer_to_buffer(buffers.last().expect("the output"), 0, &staging, 0, 4 * n as u64);
    queue.submit([encoder.finish()]);
    staging.map_async(wgpu::MapMode::Read, .., |result| result.expect("mapping"));
    wgpu_device.poll(wgpu::PollType::wait_indefinitely()).expect("the device");
    let view = staging.get_mapped_range(..).expect("mapped");
    bytemuck::pod_collect_to_vec(&view)
}

/// `func` by its expression, as bits.
pub fn device_values(device: &Device, func: &Func, types: &[DType], inputs: &[Vec<u32>]) -> Vec<u32> {
    let call = expr::call(func, &["x", "y", "z"][..types.len()], types);
    let bits = match func.result(types).expect("legal dtypes") {
        DType::Bool => format!("u32({call})"),
        _ => format!("bitcast<u32>({call})"),
    };
    evaluate(device, &bits, types, inputs)
}

/// A small generator for test arguments.
pub struct Words(pub u64);

impl Words {
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32 ^ (self.0 >> 13) as u32
    }
}

pub const SPECIAL: [f32; 40] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    3.0,
    -3.0,
    10.0,
    100.0,
    -100.0,
    88.722_83,
    88.722_84,
    -87.336_54,
    -87.336_55,
    -103.9,
    -104.1,
    89.415_98,
    89.416,
    128.0,
    127.999_99,
    -126.0,
    -149.0,
    -150.0,
    0.625,
    0.93,
    3.92,
    10.05,
    16_777_216.0,
    16_777_217.0,
    f32::MAX,
    f32::MIN,
    f32::MIN_POSITIVE,
    1e-45,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    0.414_213_57,
];

/// Every exponent and sign with `per` significands each, multiples of pi/2, and the special values.
fn arguments(per: usize) -> Vec<u32> {
    let mut words = Words(per as u64);
    let mut out: Vec<u32> = SPECIAL.iter().map(|x| x.to_bits()).collect();
    out.push(0xffc0_0001);
    for head in 0..512u32 {
        out.extend([head << 23, head << 23 | 1, head << 23 | 0x7f_ffff]);
        // Where functions are neither constant nor linear, more of them.
        let n = if (110..140).contains(&(head & 255)) { 8 * per } else { per };
        out.extend((0..n).map(|_| head << 23 | words.next() & 0x7f_ffff));
    }
    for n in (1..20_000).chain((1..500).map(|i| i * 7_919)) {
        let near = (f64::from(n) * std::f64::consts::FRAC_PI_2) as f32;
        out.extend([near.to_bits() - 1, near.to_bits(), near.to_bits() + 1]);
    }
    // Ties of the exponent that the exponential functions split off.
    for k in -300..300 {
        let tie = f64::from(k) + 0.5;
        for x in [tie, tie * std::f64::consts::LN_2, tie * 0.5 * std::f64::consts::LN_2] {
            let bits = (x as f32).to_bits();
            out.extend((0..4).flat_map(|i| [bits - i, bits + i]));
        }
    }
    for centre in
        [0.5f32, 1.0, 0.625, 0.93, std::f32::consts::FRAC_1_SQRT_2, std::f32::consts::SQRT_2, 1.0 - 0.414_213_57]
    {
        out.extend((0..200).flat_map(|i| [centre.to_bits() - i, centre.to_bits() + i]));
    }
    out
}

/// Subnormals may be flushed: the values an f32 may count as.
fn readings(x: f32) -> Vec<f64> {
    if x.is_subnormal() { vec![f64::from(x), 0.0f64.copysign(f64::from(x))] } else { vec![f64::from(x)] }
}

/// The unit in the last place of the f32 next to `y`.
fn unit(y: f64) -> f64 {
    let exponent = if y == 0.0 { -126.0 } else { y.abs().log2().floor().clamp(-126.0, 127.0) };
    (exponent - 23.0).exp2()
}

/// How far `got` is from `want`, in units in the last place of `want` and relative to what is promised.
fn error(got: f32, want: f64) -> f64 {
    if want.is_nan() || got.is_nan() {
        return if want.is_nan() && got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let limit = f64::from(f32::MAX);
    if got.is_infinite() {
        // Infinity stands for everything from 2^128 on; just below, it is one unit off.
        let beyond = want.abs() > limit && (want > 0.0) == (got > 0.0);
        return if beyond { 0.0 } else { (2.0f64.powi(128).copysign(f64::from(got)) - want).abs() / unit(want) };
    }
    if want.is_infinite() {
        return f64::INFINITY;
    }
    if want.abs() < tol::MIN_NORMAL && f64::from(got).abs() <= tol::MIN_NORMAL {
        return 0.0;
    }
    (f64::from(got) - want).abs() / unit(want)
}

/// The greatest error of a function over the arguments, where it was, and whether the promise held everywhere.
struct Worst {
    ulps: f64,
    line: String,
    broken: Option<String>,
}

fn compare(func: &Func, inputs: &[Vec<u32>], got: &[u32]) -> Worst {
    let mut worst = Worst { ulps: -1.0, line: String::new(), broken: None };
    let types = vec![DType::F32; inputs.len()];
    let allowed = tol::accuracy(func);
    for (i, &bits) in got.iter().enumerate() {
        let x: Vec<f32> = inputs.iter().map(|v| f32::from_bits(v[i])).collect();
        let got = f32::from_bits(bits);
        let mut best = (f64::INFINITY, 0.0);
        for a in readings(x[0]) {
            for b in x.get(1).map_or(vec![0.0], |&b| readings(b)) {
                let args = &[a, b][..x.len()];
                let want = map::value(func, &types, args);
                let e = error(got, want);
                if e <= best.0 {
                    best = (e, want);
                }
            }
        }
        let (e, want) = best;
        let line =
            || format!("{} of {x:?} ({:#x}): got {got:?}, want {want:e}, {e:.3} ulp", func.name(), x[0].to_bits());
        if e > allowed && worst.broken.is_none() {
            worst.broken = Some(format!("{}, promised {allowed:.2}", line()));
        }
        if e > worst.ulps {
            worst.ulps = e;
            worst.line = line();
        }
    }
    worst
}

const UNARY: [Func; 30] = {
    use Func::*;
    [
        Recip, Sqrt, Rsqrt, Cbrt, Exp, Exp2, Expm1, Log, Log2, Log1p, Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh,
        Tanh, Asinh, Acosh, Atanh, Sigmoid, Softplus, Erf, Erfc, Floor, Ceil, Round, Trunc,
    ]
};

fn unary(per: usize) {
    let device = Device::open_blocking(ridgepoint::run::Options::default()).expect("an adapter");
    let arguments = arguments(per);
    let mut broken = Vec::new();
    for func in &UNARY {
        let mut worst: Option<Worst> = None;
        for part in arguments.chunks(1 << 20) {
            let inputs = [part.to_vec()];
            let got = device_values(&device, func, &[DType::F32], &inputs);
            let next = compare(func, &inputs, &got);
            broken.extend(next.broken.clone());
            if worst.as_ref().is_none_or(|w| next.ulps > w.ulps) {
                worst = Some(next);
            }
        }
        println!("{}", worst.expect("arguments").line);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn functions_of_one_number_keep_the_promised_accuracy() {
    unary(8);
}

#[test]
#[ignore = "dense: minutes"]
fn functions_of_one_number_keep_the_promised_accuracy_everywhere() {
    unary(4_000);
}

/// Pairs: random patterns of all sizes, and pairs that are of one magnitude, so that something happens.
fn pairs(n: usize) -> [Vec<u32>; 2] {
    let mut words = Words(7);
    let mut out = [Vec::new(), Vec::new()];
    let mut push = |a: u32, b: u32| {
        out[0].push(a);
        out[1].push(b);
    };
    for a in SPECIAL {
        for b in SPECIAL {
            push(a.to_bits(), b.to_bits());
        }
    }
    for i in 0..n {
        let (a, b) = (words.next(), words.next());
        match i % 4 {
            0 => push(a, b),
            1 => push(a, (a & 0x7f80_0000).wrapping_add((b % 12) << 23) & 0x7f80_0000 | b & 0x807f_ffff),
            // Magnitudes from 2^-8 to 2^8.
            2 => push(a & 0x807f_ffff | (119 + (a >> 23) % 16) << 23, b & 0x807f_ffff | (119 + (b >> 23) % 16) << 23),
            _ => push(a & 0x7fff_ffff, ((b % 41) as f32 - 20.0).to_bits()),
        }
    }
    out
}

#[test]
fn functions_of_two_numbers_keep_the_promised_accuracy() {
    use Func::*;
    let device = Device::open_blocking(ridgepoint::run::Options::default()).expect("an adapter");
    let inputs = pairs(200_000);
    let mut broken = Vec::new();
    for func in [Add, Sub, Mul, Div, Rem, Min, Max, Pow, Atan2, Copysign] {
        let got = device_values(&device, &func, &[DType::F32; 2], &inputs);
        let worst = compare(&func, &inputs, &got);
        println!("{}", worst.line);
        broken.extend(worst.broken);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
