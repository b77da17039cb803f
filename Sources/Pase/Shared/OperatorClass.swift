import CPostgres
import NearestNeighbors
import PostgresServer

/// `amvalidate` of both access methods: whether an operator class makes sense to them.
func validateOperatorClass(_ id: Oid, _ accessMethod: StaticString) -> Bool {
    entryPoint(fallback: false) { () throws(ServerError) in
        var operatorClass = PaseOperatorClass()
        try check(pase_operator_class(id, &operatorClass))
        var isValid = true

        func complain(_ what: String) throws(ServerError) {
            isValid = false
            let name = operatorClass.name.map { serverText(UnsafePointer($0)) } ?? ""
            try report(
                INFO, .invalidObjectDefinition,
                "operator class \"\(name)\" of access method "
                    + "\(String(cString: accessMethod.utf8Start)) \(what)")
        }

        if VectorEncoding(ofType: operatorClass.input_type) == nil {
            try complain("is neither for type real[] nor for type text")
        }
        var operators: UnsafeMutablePointer<PaseOperatorMember>?
        var operatorCount: Int32 = 0
        try check(pase_operator_members(operatorClass.family, &operators, &operatorCount))
        for index in 0..<Int(operatorCount) {
            guard let member = operators?[index] else { break }
            if member.strategy < 1 || member.strategy > 4 {
                try complain("contains an operator with invalid strategy number \(member.strategy)")
            }
            // AMOP_ORDER: an operator to order by, not to search with.
            if member.purpose != CChar(111) {
                try complain("contains operator \(member.operator_id), which is not for ordering")
            }
            var fits = false
            try check(
                pase_sort_family_fits(member.sort_family, member.result_type, &fits))
            if !fits {
                try complain(
                    "contains operator \(member.operator_id) with an incorrect ORDER BY family")
            }
        }

        var functions: UnsafeMutablePointer<PaseFunctionMember>?
        var functionCount: Int32 = 0
        try check(pase_function_members(operatorClass.family, &functions, &functionCount))
        var hasMetric = false
        for index in 0..<Int(functionCount) {
            guard let member = functions?[index] else { break }
            if member.number != 1 {
                try complain(
                    "contains a function with invalid support number \(member.number)")
            } else if !member.takes_nothing_gives_int32 {
                try complain("contains support function 1 with a wrong signature")
            } else if member.left_type == operatorClass.input_type {
                hasMetric = true
            }
        }
        if !hasMetric { try complain("is missing support function 1") }
        return isValid
    }
}

/// `amvalidate` of pase_hnsw.
@_cdecl("pase_hnsw_validate_body")
func hnswValidate(_ id: Oid) -> Bool { validateOperatorClass(id, "pase_hnsw") }

/// `amvalidate` of pase_ivfflat.
@_cdecl("pase_ivfflat_validate_body")
func ivfflatValidate(_ id: Oid) -> Bool { validateOperatorClass(id, "pase_ivfflat") }

/// The metric of an index's operator class.
func indexMetric(_ index: ServerRelation) throws(ServerError) -> Metric.Kind {
    let number = try index.supportNumber(1)
    guard let kind = Metric.Kind(rawValue: number) else {
        throw ServerError(
            .invalidObjectDefinition,
            "support function 1 of the operator class of index \"\(index.name)\" returns \(number), "
                + "which is not a metric")
    }
    return kind
}
