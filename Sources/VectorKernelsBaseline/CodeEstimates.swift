// Products of codes and query to distances and their lower bounds. `NearestNeighbors.CodeQuery`
// explains the formulas.

import CKernels

/// Rows whose estimates are made together, in sixteen lanes.
protocol RowGroup {
    static var count: Int { get }
    static func floats(_ base: UnsafeRawPointer, _ row: Int) -> Sixteen
    static func ints(_ base: UnsafeRawPointer, _ row: Int) -> SIMD16<Int32>
    static func store(_ values: Sixteen, _ base: UnsafeMutableRawPointer, _ row: Int)
}

enum SixteenRows: RowGroup {
    @inline(__always)
    static var count: Int { 16 }
    @inline(__always)
    static func floats(_ base: UnsafeRawPointer, _ row: Int) -> Sixteen { sixteen(base, row) }
    @inline(__always)
    static func ints(_ base: UnsafeRawPointer, _ row: Int) -> SIMD16<Int32> {
        base.loadUnaligned(fromByteOffset: row &* 4, as: SIMD16<Int32>.self)
    }
    @inline(__always)
    static func store(_ values: Sixteen, _ base: UnsafeMutableRawPointer, _ row: Int) {
        base.storeBytes(of: values, toByteOffset: row &* 4, as: Sixteen.self)
    }
}

enum FourRows: RowGroup {
    @inline(__always)
    static var count: Int { 4 }
    @inline(__always)
    static func floats(_ base: UnsafeRawPointer, _ row: Int) -> Sixteen {
        kernels_repeat4(
            base.loadUnaligned(fromByteOffset: row &* 4, as: SIMD4<Float>.self))
    }
    @inline(__always)
    static func ints(_ base: UnsafeRawPointer, _ row: Int) -> SIMD16<Int32> {
        kernels_repeat_ints4(
            base.loadUnaligned(fromByteOffset: row &* 4, as: SIMD4<Int32>.self))
    }
    @inline(__always)
    static func store(_ values: Sixteen, _ base: UnsafeMutableRawPointer, _ row: Int) {
        base.storeBytes(
            of: kernels_first4(values), toByteOffset: row &* 4, as: SIMD4<Float>.self)
    }
}

enum OneRow: RowGroup {
    @inline(__always)
    static var count: Int { 1 }
    @inline(__always)
    static func floats(_ base: UnsafeRawPointer, _ row: Int) -> Sixteen {
        Sixteen(repeating: base.loadUnaligned(fromByteOffset: row &* 4, as: Float.self))
    }
    @inline(__always)
    static func ints(_ base: UnsafeRawPointer, _ row: Int) -> SIMD16<Int32> {
        SIMD16(repeating: base.loadUnaligned(fromByteOffset: row &* 4, as: Int32.self))
    }
    @inline(__always)
    static func store(_ values: Sixteen, _ base: UnsafeMutableRawPointer, _ row: Int) {
        base.storeBytes(
            of: kernels_first4(values).x, toByteOffset: row &* 4, as: Float.self)
    }
}

/// Where the estimates of a block come from and go to.
struct EstimateRows {
    let terms: KernelEstimateTerms
    let dots: UnsafeRawPointer
    let norms: UnsafeRawPointer
    let scales: UnsafeRawPointer
    let estimates: UnsafeMutableRawPointer

    /// Writes the estimates of some rows, and returns them as they were before those of no use were
    /// made finite.
    @inline(__always)
    func estimate<Group: RowGroup>(_ row: Int, _ norms: Sixteen, _ group: Group.Type) -> Sixteen {
        let dots = Group.ints(dots, row)
        let products = kernels_from_ints16(dots &+ dots &- terms.dotOffset)
        let values =
            terms.base + terms.normWeight * norms
            + Group.floats(scales, row) * (products * terms.dotScale)
        Group.store(kernels_finite16(values, .greatestFiniteMagnitude), estimates, row)
        return values
    }

    @inline(__always)
    func estimate<Group: RowGroup>(_ row: Int, _ group: Group.Type) {
        _ = estimate(row, Group.floats(norms, row), group)
    }

    /// Writes the estimates of some rows and the lower bounds of their distances.
    @inline(__always)
    func bound<Group: RowGroup>(
        _ row: Int, _ errors: UnsafeRawPointer, _ bounds: UnsafeMutableRawPointer,
        _ group: Group.Type
    ) {
        let norms = Group.floats(norms, row)
        let values = estimate(row, norms, group)
        let errors = Group.floats(errors, row)
        // The variance for a query of length 1: with its length it might vanish or overflow.
        let variance = errors * errors + norms * terms.normErrorRatio
        let margin = terms.margin + terms.normMargin * norms
        let lower = values - kernels_sqrt16(variance) * terms.errorScale - margin
        // No number of any use comes from overflow, or factors that say that there is no estimate.
        Group.store(kernels_finite16(lower, -.infinity), bounds, row)
    }
}

@inline(never)
func codeEstimates(
    _ terms: UnsafePointer<KernelEstimateTerms>, _ dots: UnsafePointer<Int32>,
    _ norms: UnsafePointer<Float>, _ scales: UnsafePointer<Float>, _ count: Int,
    _ out: UnsafeMutablePointer<Float>
) {
    let rows = EstimateRows(
        terms: terms.pointee, dots: dots, norms: norms, scales: scales, estimates: out)
    var row = 0
    while row &+ 16 <= count {
        rows.estimate(row, SixteenRows.self)
        row = row &+ 16
    }
    while row &+ 4 <= count {
        rows.estimate(row, FourRows.self)
        row = row &+ 4
    }
    while row < count {
        rows.estimate(row, OneRow.self)
        row = row &+ 1
    }
}

@inline(never)
func codeBounds(
    _ terms: UnsafePointer<KernelEstimateTerms>, _ dots: UnsafePointer<Int32>,
    _ norms: UnsafePointer<Float>, _ scales: UnsafePointer<Float>,
    _ errors: UnsafePointer<Float>, _ count: Int, _ out: UnsafeMutablePointer<Float>,
    _ bounds: UnsafeMutablePointer<Float>
) {
    let rows = EstimateRows(
        terms: terms.pointee, dots: dots, norms: norms, scales: scales, estimates: out)
    var row = 0
    while row &+ 16 <= count {
        rows.bound(row, errors, bounds, SixteenRows.self)
        row = row &+ 16
    }
    while row &+ 4 <= count {
        rows.bound(row, errors, bounds, FourRows.self)
        row = row &+ 4
    }
    while row < count {
        rows.bound(row, errors, bounds, OneRow.self)
        row = row &+ 1
    }
}

/// The kernels of codes of this instruction level. See `kernelFunctions()`.
@export(interface)
public func codeKernelFunctions() -> CodeKernelFunctions {
    CodeKernelFunctions(
        rotate: codeRotate,
        encode1: codeEncode1,
        encode2: codeEncode2,
        encode4: codeEncode4,
        quantizeQuery: codeQuantizeQuery,
        dots1: codeDots1,
        dots2: codeDots2,
        dots4: codeDots4,
        dot8: codeDot8,
        estimates: codeEstimates,
        bounds: codeBounds)
}
