module github.com/hongbao/hongbao/bench/peers/ledgers

go 1.26.0
