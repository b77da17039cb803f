import CPostgres
import PostgresServer

/// What a scan of either access method costs: a first batch of rows before the first is answered, and then more for each
/// row that the statement goes on to.
///
/// The server takes it that a part of the rows costs that part of the whole. A scan is not so: the first batch is cheap, each
/// further row is dear, and from some point on the rest comes from one exact pass. So where the statement's LIMIT is known,
/// the whole is given the price that makes its part, as the server reckons it, the one that the scan will have.
struct ScanPrice {
    /// Rows that a statement is taken to want whose LIMIT is not known.
    private static let rowsOfAnyLimit = 100.0
    /// The part of all rows that the server takes such a LIMIT for.
    private static let shareOfAnyLimit = 0.1
    /// What computing a distance for a row of the table costs, in calls of a simple operator.
    private static let distanceOperators = 5.0
    /// A scan that has gone on for as long as the exact pass takes ends with it.
    private static let passes = 2.0
    /// By how much dearer a scan is at most where conditions drop rows.
    private static let conditionPrice = 3.0
    /// How often a query of unknown metric is taken to be one that another index is for.
    private static let shareOfAnotherIndex = 0.1

    let costs: PaseCosts
    /// Rows of the index.
    let tuples: Double
    /// Rows of the index that are gone through for the statement.
    let walked: Double
    /// The part of all rows that the server takes the statement to want.
    private let share: Double

    init(_ costs: PaseCosts) {
        self.costs = costs
        tuples = max(1, ScanPrice.bounded(costs.index_tuples))
        let rows = max(1, min(ScanPrice.bounded(costs.rows), tuples))
        var wanted = rows
        var share = 1.0
        if costs.limit > 0 {
            wanted = min(rows, max(1, costs.limit))
            share = wanted / rows
        } else if costs.limit == 0 {
            share = ScanPrice.shareOfAnyLimit
            wanted = max(1, min(ScanPrice.rowsOfAnyLimit, rows * share))
        }
        self.share = share
        walked = min(tuples, wanted * (tuples / rows))
    }

    /// By how much dearer the scan is where not all rows meet the conditions.
    ///
    /// How many meet them is a guess, and they may be farther from the query than others. Besides, the plans that find
    /// them by another index are charged full reads of pages that are as likely to be in memory as ours.
    var conditionFactor: Double {
        let dropped = 1 - min(1, ScanPrice.bounded(costs.rows) / tuples)
        return 1 + ScanPrice.conditionPrice * dropped * dropped
    }

    /// The answer of `amcostestimate`.
    ///
    /// - Parameters:
    ///   - first: what there is to do before the first row.
    ///   - further: what the rows of the statement beyond the first batch cost.
    func estimate(first: Double, further: Double, _ order: PlannedOrder) -> ScanEstimate {
        let exact = exactPass
        let begin = first + (order.mayBeOfAnotherIndex ? exact * ScanPrice.shareOfAnotherIndex : 0)
        let run = min(further, exact * ScanPrice.passes)
        return ScanEstimate(
            startup: begin, total: begin + run / share,
            selectivity: min(1, costs.selectivity * min(1, walked / (share * tuples))),
            pages: min(ScanPrice.bounded(costs.index_pages), walked))
    }

    /// What it costs to read the table and sort its rows.
    private var exactPass: Double {
        let rows = max(2, ScanPrice.bounded(costs.table_tuples))
        var doublings = 1.0
        var sorted = 2.0
        while sorted < rows {
            sorted *= 2
            doublings += 1
        }
        let perRow =
            pase_cpu_tuple_cost() + ScanPrice.bounded(costs.condition_cost)
            + pase_cpu_operator_cost() * (ScanPrice.distanceOperators + 2 * doublings)
        return ScanPrice.bounded(costs.table_pages) * costs.sequential_page_cost + rows * perRow
    }

    /// A number from the catalogue, as one that can be reckoned with.
    static func bounded(_ number: Double) -> Double {
        number > 0 ? min(number, 1e15) : 0
    }
}

/// What `amcostestimate` answers.
struct ScanEstimate {
    var startup: Double
    var total: Double
    var selectivity: Double
    var pages: Double

    /// Dearer than any plan, were it all of disabled parts, and not infinite, since differences and parts of it are reckoned
    /// with.
    static var never: ScanEstimate {
        ScanEstimate(startup: 1e200, total: 1e200, selectivity: 0, pages: 0)
    }

    /// Answers the server's call.
    func answer(
        _ path: UnsafeMutablePointer<IndexPath>?, _ startup: UnsafeMutablePointer<Cost>?,
        _ total: UnsafeMutablePointer<Cost>?, _ selectivity: UnsafeMutablePointer<Selectivity>?,
        _ correlation: UnsafeMutablePointer<Double>?, _ pages: UnsafeMutablePointer<Double>?
    ) {
        startup?.pointee = self.startup
        total?.pointee = self.total
        selectivity?.pointee = self.selectivity
        correlation?.pointee = 0
        pages?.pointee = self.pages
        if self.total >= ScanEstimate.never.total, let path { pase_path_rule_out(path) }
    }
}
