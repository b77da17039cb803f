/// Numbers, from 0, of all places on consecutive pages.
///
/// 4 bytes for each page.
public struct PlaceNumbers {
    private let firstPage: Int
    /// For each page how many places come before it, and then how many there are.
    private var before: GrowableArray<UInt32>

    /// No places, and room for those of so many pages from the first on.
    public init<Memory: MemorySource>(from firstPage: Int, pages: Int, in memory: inout Memory)
        throws(Memory.Failure)
    {
        self.firstPage = firstPage
        before = try GrowableArray(capacity: pages &+ 1, in: &memory)
        try before.append(0, in: &memory)
    }

    /// How many there are.
    public var count: Int { Int(before[before.count &- 1]) }

    /// Adds the places of the next page.
    ///
    /// - Returns: false where there is no room for the page, or there would be too many places.
    public mutating func append(_ places: Int) -> Bool {
        let sum = count &+ places
        guard before.count < before.capacity, places >= 0, sum <= Int(UInt32.max) else {
            return false
        }
        before.start[before.count] = UInt32(sum)
        before.count &+= 1
        return true
    }

    /// The number of a place, which is the n-th of its page, from 1; nil if it has none.
    public func number(page: Int, place: Int) -> Int? {
        let index = page &- firstPage
        guard index >= 0, index < before.count &- 1, place >= 1 else { return nil }
        let number = Int(before[index]) &+ place &- 1
        return number < Int(before[index &+ 1]) ? number : nil
    }

    /// The place of a number, which the caller keeps within `0..<count`.
    public func place(_ number: Int) -> (page: Int, place: Int) {
        // The last page before which there are not more.
        var low = 0
        var high = before.count &- 1
        while high &- low > 1 {
            let middle = (low &+ high) / 2
            if Int(before[middle]) <= number { low = middle } else { high = middle }
        }
        return (firstPage &+ low, number &- Int(before[low]) &+ 1)
    }
}
