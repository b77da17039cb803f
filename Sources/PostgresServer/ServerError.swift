import CPostgres

/// A PostgreSQL SQLSTATE, in the server's own encoding.
public struct SQLState: Sendable {
    /// What `errcode()` takes.
    public let code: Int32

    /// The state of five characters, digits and upper-case letters, as in `"22P02"`.
    @inline(never)
    public init(_ text: StaticString) {
        func character(_ n: Int) -> CChar {
            n < text.utf8CodeUnitCount ? CChar(truncatingIfNeeded: text.utf8Start[n]) : 48
        }
        code = pase_sqlstate(
            character(0), character(1), character(2), character(3), character(4))
    }

    /// 22000, `data_exception`.
    public static var dataException: SQLState { SQLState("22000") }
    /// 22P02, `invalid_text_representation`.
    public static var invalidTextRepresentation: SQLState { SQLState("22P02") }
    /// 22P03, `invalid_binary_representation`.
    public static var invalidBinaryRepresentation: SQLState { SQLState("22P03") }
    /// 22003, `numeric_value_out_of_range`.
    public static var numericValueOutOfRange: SQLState { SQLState("22003") }
    /// 22004, `null_value_not_allowed`.
    public static var nullValueNotAllowed: SQLState { SQLState("22004") }
    /// 22023, `invalid_parameter_value`.
    public static var invalidParameterValue: SQLState { SQLState("22023") }
    /// 2202E, `array_subscript_error`.
    public static var arraySubscriptError: SQLState { SQLState("2202E") }
    /// 0A000, `feature_not_supported`.
    public static var featureNotSupported: SQLState { SQLState("0A000") }
    /// 54000, `program_limit_exceeded`.
    public static var programLimitExceeded: SQLState { SQLState("54000") }
    /// 53200, `out_of_memory`.
    public static var outOfMemory: SQLState { SQLState("53200") }
    /// 55000, `object_not_in_prerequisite_state`.
    public static var objectNotInPrerequisiteState: SQLState { SQLState("55000") }
    /// 42P17, `invalid_object_definition`.
    public static var invalidObjectDefinition: SQLState { SQLState("42P17") }
    /// XX002, `index_corrupted`.
    public static var indexCorrupted: SQLState { SQLState("XX002") }
    /// XX000, `internal_error`.
    public static var internalError: SQLState { SQLState("XX000") }
}

/// An error on its way to the client.
///
/// Either one that a server call raised, which waits on the server's own error stack, or one of
/// ours, with its report. It is thrown up to the entry point, which hands it over to be raised once
/// all Swift frames are gone. It is never swallowed: the abort that follows is what gives back locks
/// and pins, so nothing releases them, and nothing calls the server, while it travels.
public struct ServerError: Error {
    /// What an error of ours says.
    final class Report: Sendable {
        let state: SQLState
        let message: String
        let detail: String?
        let hint: String?

        init(state: SQLState, message: String, detail: String?, hint: String?) {
            self.state = state
            self.message = message
            self.detail = detail
            self.hint = hint
        }
    }

    /// Nil for an error of the server's.
    private let report: Report?

    /// The error that a guarded call has just left on the server's error stack.
    @inline(__always)
    public static var raisedByServer: ServerError { ServerError(report: nil) }

    private init(report: Report?) {
        self.report = report
    }

    /// An error of ours, in PostgreSQL's style: a message in lower case without a full stop, detail
    /// and hint as sentences.
    public init(_ state: SQLState, _ message: String, detail: String? = nil, hint: String? = nil) {
        self.init(report: Report(state: state, message: message, detail: detail, hint: hint))
    }

    /// What an error of ours says, with its detail; nil for one of the server's.
    ///
    /// A check of an index catches errors of ours about what it has copied out of pages, to report them, and the
    /// planner those about a query that it need not be the one to refuse. These are the exceptions from never
    /// swallowing an error: nothing of the server's is involved then.
    public var ownMessage: String? {
        guard let report else { return nil }
        guard let detail = report.detail else { return report.message }
        return detail
    }

    /// Leaves the error where the C frame around the entry point finds it.
    func handOver() {
        guard let report else {
            pase_fail_with_server_error()
            return
        }
        var message = report.message
        var detail = report.detail ?? ""
        var hint = report.hint ?? ""
        message.withUTF8 { message in
            detail.withUTF8 { detail in
                hint.withUTF8 { hint in
                    pase_fail_with(
                        report.state.code, chars(message), message.count,
                        report.detail == nil ? nil : chars(detail), detail.count,
                        report.hint == nil ? nil : chars(hint), hint.count)
                }
            }
        }
    }
}

/// The bytes as C sees them. An empty buffer may have no address, an absent text has none on purpose.
private func chars(_ text: UnsafeBufferPointer<UInt8>) -> UnsafePointer<CChar>? {
    guard let start = text.baseAddress else { return emptyText }
    return UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self)
}

/// One zero byte of the program's constant data.
private var emptyText: UnsafePointer<CChar> {
    let text: StaticString = ""
    return UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

/// Throws the server's error when a guarded call answered that it raised one.
@inline(__always)
public func check(_ succeeded: Bool) throws(ServerError) {
    if !succeeded { throw ServerError.raisedByServer }
}

/// The body of an entry point: what the server called, from its first Swift frame on.
///
/// - Returns: what `body` returns, or `fallback` after an error, which the C frame then raises.
@inline(__always)
public func entryPoint<Result>(
    fallback: @autoclosure () -> Result, _ body: () throws(ServerError) -> Result
) -> Result {
    do throws(ServerError) {
        return try body()
    } catch {
        error.handOver()
        return fallback()
    }
}
