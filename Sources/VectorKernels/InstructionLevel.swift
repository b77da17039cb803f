import CKernels

/// A set of processor instructions that the kernels are compiled for. Later cases include the
/// earlier ones.
public enum InstructionLevel: Int, CaseIterable, Sendable {
    /// What every processor of the architecture has: SSE2 on x86-64, NEON on arm64.
    case baseline
    /// AVX2, FMA and F16C: the level x86-64-v3.
    case avx2
    /// AVX-512 F, BW, DQ, VL and CD: the level x86-64-v4.
    case avx512

    /// Whether this processor has every instruction of the level and the operating system saves the
    /// registers they use. Asks the processor each time, which under a hypervisor can take
    /// microseconds: keep the answer.
    public var isSupported: Bool {
        switch self {
        case .baseline:
            return true
        case .avx2:
            #if arch(x86_64)
                return kernels_has_avx2_level()
            #else
                return false
            #endif
        case .avx512:
            #if arch(x86_64)
                return kernels_has_avx512_level()
            #else
                return false
            #endif
        }
    }

    /// What the environment says of the highest level to use; more than that of any level if it says nothing.
    static var limit: Int { Int(kernels_level_limit()) }

    /// The highest level to use: what this processor has, unless the environment variable `PASE_INSTRUCTIONS`, which is
    /// `baseline`, `avx2` or `avx512`, says less.
    public static var best: InstructionLevel {
        // Without an array: a session that loads the library allocates nothing through the runtime.
        if limit >= avx512.rawValue, avx512.isSupported { return .avx512 }
        return limit >= avx2.rawValue && avx2.isSupported ? .avx2 : .baseline
    }

    /// The levels this processor has, in ascending order; the baseline is always among them.
    public static var supported: [InstructionLevel] { allCases.filter { $0.isSupported } }

    /// The name people use for the level, for diagnostics.
    public var name: StaticString {
        switch self {
        case .baseline:
            #if arch(x86_64)
                return "SSE2"
            #elseif arch(arm64)
                return "NEON"
            #else
                return "baseline"
            #endif
        case .avx2: return "AVX2"
        case .avx512: return "AVX-512"
        }
    }
}
