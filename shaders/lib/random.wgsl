// Philox-4x32-10: ten rounds of multiplication and exchange on a counter of four words under a key of two.
// Any executor gives the same bits. Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers:
// as easy as 1, 2, 3, SC 2011.

fn random_philox(key: vec2<u32>, counter: vec4<u32>) -> vec4<u32> {
    var k = key;
    var c = counter;
    for (var round = 0u; round < 10u; round += 1u) {
        c = vec4<u32>(
            bits_high_product(0xcd9e8d57u, c.z) ^ c.y ^ k.x,
            c.z * 0xcd9e8d57u,
            bits_high_product(0xd2511f53u, c.x) ^ c.w ^ k.y,
            c.x * 0xd2511f53u,
        );
        k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
    }
    return c;
}
