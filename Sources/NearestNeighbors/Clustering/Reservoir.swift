/// Which rows of a scan get into a sample of a fixed size, and where in it (Vitter's algorithm R): each row that is
/// offered is as likely as any other to be in the sample in the end.
public struct Reservoir {
    /// Places in the sample; nil until it is known how many there are.
    public var capacity: Int?
    /// Places that are taken, from the first on.
    public private(set) var count = 0
    /// Share of the rows that are offered at all, per mille; nil for all.
    private let perMille: Int?
    private var offered = 0
    private var random: RandomSource

    /// An empty sample.
    public init(perMille: Int?, seed: UInt64) {
        self.perMille = perMille
        random = RandomSource(seed: seed)
    }

    /// The place of the next row, nil if it does not get in. A place that no row has had yet is to be taken with
    /// `take`. A row that turns out to have nothing to keep has its place like any other, until `removeBlanks`.
    public mutating func place() -> Int? {
        if let perMille, random.index(below: 1000) >= perMille { return nil }
        offered &+= 1
        guard let capacity, count >= capacity else { return count }
        let place = random.index(below: offered)
        return place < capacity ? place : nil
    }

    /// Says that a place which `place` gave holds a row now.
    public mutating func take(_ place: Int) {
        if place == count { count &+= 1 }
    }

    /// Gives up the places of rows that have nothing to keep. No row may be offered after that.
    ///
    /// - Parameter move: moves the row at the first place to the second.
    public mutating func removeBlanks(_ isBlank: (Int) -> Bool, move: (Int, Int) -> Void) {
        var kept = 0
        for place in 0..<count where !isBlank(place) {
            if kept != place { move(place, kept) }
            kept &+= 1
        }
        count = kept
    }

    /// Keeps so many rows of the sample, drawn at random: each time the row at the second place is to change
    /// places with that at the first.
    public mutating func thin(to count: Int, exchange: (Int, Int) -> Void) {
        guard count < self.count else { return }
        for kept in 0..<count {
            exchange(kept, kept &+ random.index(below: self.count &- kept))
        }
        self.count = count
    }
}
